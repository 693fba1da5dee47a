"""Whoever rebuilds a read model sees how much is done and how fast, at a terminal and in a file."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from freezegun import freeze_time

from infrastructure.database.connections import Connection
from projections.engine.rebuild.bar import Bar
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import USAGE
from tests.projections.rebuild.history import use

COLUMNS = 80
REBUILD = [sys.executable, "-m", "projections", "rebuild", "usage"]
END = re.compile(r"rebuilding usage \[#+\] 100%  30 of 30 positions, ([\d,]+)/s")


class Terminal(NamedTuple):
    """`screen` is where somebody looks, `descriptor` what a program writes to."""

    screen: int
    descriptor: int

    def seen(self) -> str:
        """What came, once no program is left that could write more."""
        os.close(self.descriptor)
        come = b""
        try:
            while some := os.read(self.screen, 4_096):
                come += some
        except OSError:  # so Linux says that the other side is closed
            pass
        return come.decode()


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    screen, descriptor = pty.openpty()
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    yield Terminal(screen, descriptor)
    os.close(screen)


async def _uses(connection: Connection) -> None:
    await use(connection, ["key_a", "key_b"], 1, batches=30)
    await run_projection(connection, USAGE, 60)


def _is_fast(shown: str) -> bool:
    """It ends at the end, with a rate."""
    found = END.fullmatch(shown)
    return found is not None and int(found[1].replace(",", "")) > 0


@pytest.mark.anyio
async def test_at_a_terminal_one_line_goes_from_nothing_to_the_end(
    connection: Connection, database_url: str, terminal: Terminal
) -> None:
    await _uses(connection)
    environment = {**os.environ, "DATABASE_URL": database_url}
    done = subprocess.run(REBUILD, env=environment, stdout=subprocess.PIPE, stderr=terminal.descriptor, check=False)  # noqa: ASYNC221
    seen = terminal.seen()
    assert done.returncode == 0, seen
    assert b"[" not in done.stdout
    line, after = seen.split("\r\n")
    assert after == "", "the next line is free for what comes"
    nothing, first, *_, last = line.split("\r")
    assert nothing == ""
    assert re.fullmatch(r"rebuilding usage \[ +\]   0%  0 of 30 positions, 0/s", first)
    assert _is_fast(last), seen
    assert all(len(state) < COLUMNS for state in line.split("\r")), "or it would not stay in one line"


@pytest.mark.anyio
async def test_in_a_file_the_last_line_has_the_end_and_the_rate(connection: Connection, database_url: str) -> None:
    await _uses(connection)
    environment = {**os.environ, "DATABASE_URL": database_url}
    done = subprocess.run(REBUILD, env=environment, capture_output=True, text=True, check=False)  # noqa: ASYNC221
    assert done.returncode == 0, done.stderr
    *_, line = done.stderr.splitlines()
    assert _is_fast(line), line


def test_in_a_file_there_is_a_line_every_few_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """The rate is that of this run: an earlier one, which was killed, had come to 40."""
    with freeze_time() as clock:
        bar = Bar("rebuilding usage")
        clock.tick(60)  # until the model is ours
        for done in range(40, 101, 5):
            bar(done, 100)
            clock.tick(1)
        bar.close()
    ends = [line.rpartition("] ")[2] for line in capsys.readouterr().err.splitlines()]
    assert ends == [
        " 65%  65 of 100 positions, 5/s",
        " 90%  90 of 100 positions, 5/s",
        "100%  100 of 100 positions, 5/s",
    ]


def test_what_could_not_begin_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Bar("rebuilding usage").close()
    assert capsys.readouterr().err == ""


def test_a_shorter_line_leaves_nothing_of_the_longer_one(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what has no room for a bar is said in figures."""
    with os.fdopen(os.dup(terminal.descriptor), "w") as stderr, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stderr)
        with freeze_time() as clock:
            bar = Bar("rebuilding organization_guard")
            bar(0, 10_000_000)
            for _ in range(2):
                clock.tick(5)
                bar(9_000_000, 10_000_000)
            bar.close()
    line, _ = terminal.seen().split("\r\n")
    _, first, *states = line.split("\r")
    assert re.fullmatch(r"rebuilding organization_guard \[ +\]   0%  0 of 10,000,000 positions, 0/s", first)
    figures = " 90%  9,000,000 of 10,000,000 positions, "
    assert [state.rstrip() for state in states] == [f"{figures}1,800,000/s", f"{figures}900,000/s"]
    shown = ""
    for state in (first, *states):
        assert len(state) < COLUMNS
        shown = state + shown[len(state) :]
    assert shown.rstrip() == f"{figures}900,000/s"
