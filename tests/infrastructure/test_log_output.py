"""Log lines that several processes and threads write to one output: each arrives whole, regardless of its length."""

import fcntl
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROCESSES = 4
LINES = 150
LENGTHS = (10, 4_000, 5_000, 20_000)
"""Text lengths for lines that a pipe accepts in one write, and for lines that need several."""

WRITE = f"""
import sys, threading
import logging, structlog
from infrastructure import log_output, output_lock
from infrastructure.log_format import configure_logging
# The reader and the other writers can be slow on a busy machine.
log_output._WAIT_MILLISECONDS = 60_000
output_lock._WAIT_SECONDS = 60
configure_logging()
log = structlog.get_logger()
def write(writer):
    for number in range({LINES}):
        length = {LENGTHS}[number % {len(LENGTHS)}]
        if number % 2:
            log.warning("ours", writer=writer, text="x" * length)
        else:
            logging.getLogger("rq").error(f"{{writer}} %s", "x" * length)
threads = [threading.Thread(target=write, args=(f"{{sys.argv[1]}}.{{number}}",)) for number in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("kind", ["pipe", "terminal", "file"])
def test_lines_of_any_length_do_not_interleave(kind: str, tmp_path: Path) -> None:
    output = tmp_path / "log"
    reading, writing = os.openpty() if kind == "terminal" else os.pipe()
    command = [sys.executable, "-c", WRITE]
    if kind == "file":
        os.close(writing)
        writing = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    processes = [subprocess.Popen([*command, str(number)], cwd=ROOT, stderr=writing) for number in range(PROCESSES)]
    os.close(writing)
    content = _read(reading)
    assert [process.wait() for process in processes] == [0] * PROCESSES
    if kind == "file":
        content = output.read_bytes()
    lines = [json.loads(line) for line in content.splitlines()]
    assert sum(len(line.get("text", line["event"])) for line in lines) > PROCESSES * LINES * sum(LENGTHS) // 4
    writers = Counter(line.get("writer") or line["event"].partition(" ")[0] for line in lines)
    assert writers == {f"{process}.{thread}": LINES for process in range(PROCESSES) for thread in range(2)}


def test_a_process_suspended_while_it_holds_the_lock_costs_no_line() -> None:
    """This process takes the lock and never releases it."""
    reading, writing = os.pipe()
    fcntl.lockf(writing, fcntl.LOCK_EX)
    program = """
import structlog
from infrastructure.log_output import dropped_lines
from infrastructure.log_format import configure_logging
configure_logging()
log = structlog.get_logger()
for number in range(2000):
    log.info("said", number=number)
assert dropped_lines() == 0
"""
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stderr=writing)
    content = b""
    while content.count(b"\n") < 2000:
        content += os.read(reading, 65536)
    assert process.wait() == 0
    assert [json.loads(line)["number"] for line in content.splitlines()] == list(range(2000))
    os.close(reading)
    os.close(writing)


def _read(descriptor: int) -> bytes:
    content = bytearray()
    while True:
        try:
            part = os.read(descriptor, 65536)
        except OSError:  # a terminal reports this way that its last writer has closed
            part = b""
        if not part:
            os.close(descriptor)
            return bytes(content)
        content += part
