"""A small whole system for the tests of the supervisor: `stand_in supervise FOLDER` keeps PostgreSQL, Valkey and three
children of this same file running, each with a child of its own."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

from embedded.children import mark_of
from embedded.console import say
from embedded.errors import CannotStart
from embedded.guard import guarded
from embedded.postgres import PostgreSQL
from embedded.service import Service
from embedded.stopping import StopRequested, stop_requests
from embedded.supervisor import Supervisor
from embedded.valkey import Valkey

CHILDREN = ("polite", "busy", "stubborn")


def supervise(folder: Path) -> None:
    supervisor = Supervisor()
    try:
        with stop_requests(), guarded(folder):
            try:
                supervisor.start("postgresql", PostgreSQL(folder / "postgresql"), 1.2)
                supervisor.start("valkey", Valkey(folder / "valkey"), 0.5)
                for name in CHILDREN:
                    supervisor.start(name, _child(folder, name), 0.8)
                say("all ready")
                supervisor.watch()
            finally:
                supervisor.stop()
    except StopRequested:
        say("stopped in order")
    except CannotStart as error:
        sys.exit(str(error))


def _child(folder: Path, name: str) -> Service:
    log = folder / f"{name}.log"
    log.unlink(missing_ok=True)
    return Service(
        ("stand_in", name),
        log=log,
        environment=os.environ,
        mark=mark_of(folder, name),
        is_ready=partial(_said_so, log),
    )


def _said_so(log: Path) -> bool:
    return log.exists() and "lives with" in log.read_text()


def live(name: str) -> None:
    """Wait with a child: that of `busy` is in another session, and `stubborn` does not leave on SIGTERM."""
    if name == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    program = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(program, start_new_session=name == "busy") as child:
        say(f"{name} lives with {child.pid}")
        time.sleep(600)


if __name__ == "__main__":
    if sys.argv[1] == "supervise":
        supervise(Path(sys.argv[2]))
    else:
        live(sys.argv[1])
