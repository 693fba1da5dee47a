"""Processor time of processes, including the parts of them that have ended."""

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from benchmarks.processor_time import descendants, tree_ms

BURNED_MS = 200.0
BURN = f"""
import subprocess, sys, threading, time
def burn():
    while time.thread_time() < {BURNED_MS / 1_000}:
        pass
"""
WAIT = "print('done', flush=True); sys.stdin.read()"
BURN_IN_A_CHILD = f"[sys.executable, '-c', {BURN + 'burn()'!r}]"


@contextmanager
def running(*lines: str) -> Generator[int]:
    """Run a program until it has printed a line, and keep it waiting. Yield its process id."""
    command = [sys.executable, "-c", "\n".join([BURN, *lines, WAIT])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        yield process.pid
        process.communicate()


@pytest.mark.parametrize(
    "line",
    [
        "burn()",
        "thread = threading.Thread(target=burn); thread.start(); thread.join()",
        f"subprocess.run({BURN_IN_A_CHILD}, check=True)",
    ],
    ids=["running", "ended thread", "ended child"],
)
def test_the_time_of_a_process_includes_ended_threads_and_children(line: str) -> None:
    with running("") as idle:
        least = tree_ms(idle)
    with running(line) as pid:
        ms = tree_ms(pid)
    assert ms >= BURNED_MS - 20, "the time of ended children has a resolution of 10 ms"
    assert ms - least < 10 * BURNED_MS


def test_the_time_of_a_process_includes_children_that_any_thread_started() -> None:
    child = f"subprocess.Popen([sys.executable, '-c', {BURN + 'burn()' + chr(10) + WAIT!r}], stdin=subprocess.PIPE"
    start = f"child = {child}, stdout=subprocess.PIPE); child.stdout.readline()"
    lines = ["def start():", f"    global child; {start}", "thread = threading.Thread(target=start); thread.start()"]
    with running(*lines, "time.sleep(1.5)") as pid:
        assert len(descendants(pid)) == 1
        assert tree_ms(pid) >= BURNED_MS


def test_a_process_that_has_ended_has_no_time() -> None:
    with running("burn()") as pid:
        pass
    assert tree_ms(pid) == 0
