import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from embedded.orphan_reaper import belonging_to
from embedded.postgres import PostgreSQL
from embedded.processes import is_running, mark_of, marked_with, wait_for, working_in
from tests.embedded.slow_postgres import slow_to_recover, slow_to_stop, write_something
from tests.process_tree import root_of
from tests.waiting import stretched

_HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def hangup_is_not_ignored() -> Iterator[None]:
    """Restore the default action of SIGHUP. Children would inherit that it is ignored if the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.fixture
def folder(data: Path) -> Path:
    """The folder of a system whose database was created before."""
    return data.rename(data.with_name("postgresql")).parent


def _start(folder: Path, system: str = "supervise") -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "fake_server", system, str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": f"{_HERE}{os.pathsep}{_HERE.parents[1]}"},
    )


class _Supervised:
    """A running supervisor in a separate process, and the lines that it printed."""

    def __init__(self, folder: Path, system: str = "supervise") -> None:
        self.folder = folder
        self.printed: list[str] = []
        self.process = _start(folder, system)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _listen(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.printed.append(line.rstrip())

    def wait_for_line(self, words: str, seconds: float = 30) -> None:
        assert wait_for(lambda: any(words in line for line in self.printed), stretched(seconds)), self.printed

    def own(self, name: str) -> list[int]:
        return marked_with(mark_of(self.folder, name))

    def everything(self) -> list[int]:
        return [pid for pid in belonging_to(self.folder) if is_running(pid)]

    def zombies(self) -> list[int]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children if not is_running(int(child))]

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(timeout=stretched(30))
        self._listener.join(timeout=30)
        assert self.process.stdout is not None
        self.process.stdout.close()


@contextmanager
def _supervised(folder: Path) -> Generator[_Supervised]:
    supervised = _Supervised(folder)
    try:
        supervised.wait_for_line("all ready")
        yield supervised
    finally:
        supervised.close()


def test_a_killed_child_is_restarted_and_the_restart_is_reported(folder: Path) -> None:
    with _supervised(folder) as supervised:
        before = set(supervised.own("busy"))
        os.kill(min(before), signal.SIGKILL)
        supervised.wait_for_line("busy stopped (killed by SIGKILL)")
        supervised.wait_for_line("busy runs again")
        after = set(supervised.own("busy"))
        assert not after & before, "the processes of the dead child ended with it, although they are in another session"
        assert wait_for(lambda: len(supervised.own("busy")) == 2, stretched(5))


@pytest.mark.parametrize("name", ["postgresql", "valkey"])
def test_a_killed_server_is_restarted_with_its_data(folder: Path, name: str) -> None:
    program = {"postgresql": "postgres", "valkey": "valkey-server"}[name]
    with _supervised(folder) as supervised:
        address = f"postgresql://keyledger@/keyledger?host={folder}/postgresql"
        with psycopg.connect(address) as connection:
            connection.execute("create table kept as select 1 as one")
        first = root_of(working_in(folder / name, program))
        os.kill(first, signal.SIGKILL)
        supervised.wait_for_line(f"{name} runs again")
        assert first not in working_in(folder / name, program)
        assert wait_for(lambda: not supervised.zombies(), stretched(5)), "zombies are reaped"
        with psycopg.connect(address) as connection:
            assert connection.execute("select one from kept").fetchone() == (1,)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_stops_every_child_within_five_seconds(folder: Path, number: signal.Signals) -> None:
    with _supervised(folder) as supervised:
        assert len(supervised.everything()) > 5
        began = time.monotonic()
        supervised.process.send_signal(number)
        # A second Ctrl-C changes nothing.
        supervised.process.send_signal(number)
        assert supervised.process.wait(timeout=60) == 0
        assert time.monotonic() - began < stretched(5)
        assert supervised.everything() == []
    assert "stopped in order" in supervised.printed


def test_a_supervisor_under_nohup_survives_a_hangup(folder: Path) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with _supervised(folder) as supervised:
        supervised.process.send_signal(signal.SIGHUP)
        os.kill(root_of(supervised.own("busy")), signal.SIGKILL)
        supervised.wait_for_line("busy runs again")
        assert supervised.process.poll() is None


def test_a_stop_during_the_start_leaves_no_child_running(tmp_path: Path) -> None:
    for seconds in (0.05, 0.2, 0.4, 0.6, 0.8):
        supervised = _Supervised(tmp_path)
        time.sleep(seconds)
        supervised.close()
        assert wait_for(lambda: supervised.everything() == [], stretched(5)), seconds  # noqa: B023


def test_the_supervisor_keeps_working_after_its_output_is_closed(folder: Path) -> None:
    process = _start(folder)
    assert process.stdout is not None
    while "all ready" not in process.stdout.readline():
        assert process.poll() is None
    process.stdout.close()
    for _ in range(2):
        before = set(marked_with(mark_of(folder, "polite")))
        os.kill(min(before), signal.SIGKILL)

        def is_back(before: set[int] = before) -> bool:
            return len(set(marked_with(mark_of(folder, "polite"))) - before) == 2

        assert wait_for(is_back, stretched(10))
    process.terminate()
    assert process.wait(timeout=stretched(10)) == 0


def test_no_child_outlives_a_killed_supervisor(folder: Path) -> None:
    with _supervised(folder) as supervised:
        supervised.process.kill()
        supervised.process.wait()
        assert wait_for(lambda: supervised.everything() == [], stretched(5)), supervised.everything()


def test_the_orphan_reaper_of_a_killed_supervisor_does_not_stop_the_children_of_the_next_one(folder: Path) -> None:
    with _supervised(folder) as first:
        first.process.kill()
        first.process.wait()
        with _supervised(folder) as second:
            before = set(second.everything())
            time.sleep(4)  # longer than the orphan reaper waits
            assert set(second.own("stubborn")) < before
            assert not [line for line in second.printed if "stopped" in line]


def test_the_supervisor_after_a_killed_one_finds_its_data(folder: Path) -> None:
    address = f"postgresql://keyledger@/keyledger?host={folder}/postgresql"
    with _supervised(folder) as supervised:
        with psycopg.connect(address) as connection:
            connection.execute("create table kept as select 1 as one")
        supervised.process.kill()
    with _supervised(folder) as supervised, psycopg.connect(address) as connection:
        assert connection.execute("select one from kept").fetchone() == (1,)
        assert len(supervised.own("busy")) == 2


@pytest.mark.parametrize("seconds", [12, pytest.param(65, marks=pytest.mark.soak)])
def test_a_part_that_starts_slowly_is_reported_every_ten_seconds_and_not_given_up(tmp_path: Path, seconds: int) -> None:
    go = slow_to_recover(tmp_path / "postgresql")
    supervised = _Supervised(tmp_path, "slow")

    def reports(name: str) -> list[str]:
        return [line for line in supervised.printed if line.split()[0] == name and "waiting for it" in line]

    try:
        time.sleep(seconds)
        # On a busy machine, the supervisor itself starts seconds later.
        assert wait_for(lambda: len(reports("postgresql")) >= seconds // 10, stretched(20)), supervised.printed
        assert supervised.process.poll() is None, supervised.printed
        go.touch()
        supervised.wait_for_line("together", 60)
        for name in ("postgresql", "late", "slow"):
            assert len(reports(name)) >= seconds // 10, supervised.printed
            assert all(f"log: {tmp_path}/{name}.log" in line for line in reports(name))
        assert any("failing stopped (exit code 1)" in line for line in supervised.printed)
        supervised.wait_for_line("once         waiting for it to be done", 60)
        # Parts that are already running are restarted while another part is starting.
        os.kill(root_of(supervised.own("slow")), signal.SIGKILL)
        supervised.wait_for_line("slow stopped (killed by SIGKILL)")
        go.touch()
        supervised.wait_for_line("slow runs again")
        supervised.wait_for_line("all ready", 60)
    finally:
        supervised.close()
    log = (tmp_path / "postgresql.log").read_text()
    assert "was not properly shut down" not in log
    assert log.count("starting PostgreSQL") == 2, "once to create the data, and once to recover it"


def test_an_optional_part_that_never_becomes_ready_does_not_delay_the_start(tmp_path: Path) -> None:
    supervised = _Supervised(tmp_path, "unready")
    try:
        supervised.wait_for_line("all ready", 60)
        assert supervised.own("unready"), "it is running"
    finally:
        supervised.close()
    assert supervised.printed[-1] == "stopped in order"


def test_the_orphan_reaper_and_the_next_run_wait_for_a_database_that_stops_slowly(folder: Path) -> None:
    with PostgreSQL(folder / "postgresql") as server:
        go = slow_to_stop(server)
    with _supervised(folder) as first:
        write_something(folder / "postgresql")
        main = int((folder / "postgresql" / "postmaster.pid").read_text().split()[0])
        first.process.kill()
        first.process.wait()
        second = _Supervised(folder)
        try:
            second.wait_for_line("postgresql   waiting for it to stop, which an earlier run left behind", 60)
            assert is_running(main)
            go.touch()
            second.wait_for_line("all ready", 60)
        finally:
            second.close()
    assert "was not properly shut down" not in (folder / "postgresql.log").read_text()
