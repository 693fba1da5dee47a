"""Small supervised systems of PostgreSQL, Valkey and child processes, for the tests of the supervisor.

`fake_server supervise FOLDER` keeps both servers and three children running; each child has a child process.
`fake_server slow FOLDER` starts parts that become ready when the file `postgresql/go` exists, and one that always
fails. `fake_server unready FOLDER` starts an optional part that runs but never becomes ready, and another part.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from embedded.console import print_line
from embedded.errors import CannotStart
from embedded.orphan_reaper import reap_on_exit
from embedded.postgres import PostgreSQL
from embedded.processes import mark_of
from embedded.service import Service
from embedded.signals import StopRequested, stop_requests
from embedded.supervisor import Part, Supervisor
from embedded.valkey import Valkey

CHILDREN = ("polite", "busy", "stubborn")


def supervise(folder: Path) -> None:
    supervisor = Supervisor()
    try:
        with stop_requests(), reap_on_exit(folder):
            try:
                supervisor.start("postgresql", PostgreSQL(folder / "postgresql"), 1.2)
                supervisor.start("valkey", Valkey(folder / "valkey"), 0.5)
                for name in CHILDREN:
                    supervisor.start(name, _child(folder, name), 0.8)
                print_line("all ready")
                supervisor.watch()
            finally:
                supervisor.stop()
    except StopRequested:
        print_line("stopped in order")
    except CannotStart as error:
        sys.exit(str(error))


def _child(folder: Path, name: str) -> Service:
    log = folder / f"{name}.log"
    log.unlink(missing_ok=True)
    return Service(
        ("fake_server", name),
        log=log,
        environment=os.environ,
        mark=mark_of(folder, name),
        is_ready=partial(_is_ready, log),
    )


def _is_ready(log: Path) -> bool:
    return log.exists() and "lives with" in log.read_text()


def supervise_slow(folder: Path) -> None:
    supervisor = Supervisor()
    go = folder / "postgresql" / "go"
    try:
        with stop_requests(), reap_on_exit(folder):
            try:
                supervisor.start_together(
                    [
                        Part("postgresql", PostgreSQL(folder / "postgresql"), 0.0),
                        Part("failing", _child(folder, "failing"), 0.5, optional=True),
                        Part("late", _program(folder, "late", go.exists), 0.5, optional=True),
                        Part("slow", _program(folder, "slow", go.exists), 0.5),
                    ]
                )
                go.unlink()
                print_line("together")
                supervisor.run_to_end("once", _program(folder, f"until {go}", lambda: True))
                print_line("all ready")
                supervisor.watch()
            finally:
                supervisor.stop()
    except StopRequested:
        print_line("stopped in order")
    except CannotStart as error:
        sys.exit(str(error))


def supervise_unready(folder: Path) -> None:
    supervisor = Supervisor()
    try:
        with stop_requests(), reap_on_exit(folder):
            try:
                supervisor.start_together(
                    [
                        Part("unready", _program(folder, "unready", lambda: False), 0.5, optional=True),
                        Part("polite", _child(folder, "polite"), 0.5),
                    ]
                )
                print_line("all ready")
                supervisor.watch()
            finally:
                supervisor.stop()
    except StopRequested:
        print_line("stopped in order")


def _program(folder: Path, words: str, is_ready: Callable[[], bool]) -> Service:
    name = words.split(maxsplit=1)[0]
    return Service(
        ("fake_server", *words.split()),
        log=folder / f"{name}.log",
        environment=os.environ,
        mark=mark_of(folder, name),
        is_ready=is_ready,
    )


def live(name: str) -> None:
    """Wait with a child process: that of `busy` is in another session, and `stubborn` ignores SIGTERM."""
    if name == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(program, start_new_session=name == "busy") as child:
        print_line(f"{name} lives with {child.pid}")
        time.sleep(600)


if __name__ == "__main__":
    match sys.argv[1]:
        case "supervise":
            supervise(Path(sys.argv[2]))
        case "slow" if len(sys.argv) > 2:
            supervise_slow(Path(sys.argv[2]))
        case "unready" if len(sys.argv) > 2:
            supervise_unready(Path(sys.argv[2]))
        case "failing":
            sys.exit("this part always fails")
        case "until":
            while not Path(sys.argv[2]).exists():
                time.sleep(0.1)
        case name:
            live(name)
