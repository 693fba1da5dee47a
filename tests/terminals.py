"""Programs that run on a terminal: a pseudo-terminal of 80 columns."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COLUMNS = 80
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Seen(NamedTuple):
    """The exit code, what the terminal received, and what went to a standard output that is a pipe."""

    code: int
    screen: str
    piped: str

    @property
    def text(self) -> str:
        """The screen without control sequences."""
        return _CONTROL.sub("", self.screen)


def on_terminal(
    words: Sequence[str], environment: Mapping[str, str], *, typed: str = "", only_errors: bool = False
) -> Seen:
    """Run `python -m <words>` on a terminal, on which `typed` is entered. `only_errors`: stdout is a pipe instead."""
    return program_on_terminal([sys.executable, "-m", *words], environment, typed=typed, only_errors=only_errors)


def program_on_terminal(
    program: Sequence[str],
    environment: Mapping[str, str],
    *,
    folder: Path = ROOT,
    typed: str = "",
    only_errors: bool = False,
) -> Seen:
    """Run a program in `folder` on a terminal, as `on_terminal` does."""
    screen, descriptor = pty.openpty()
    fcntl.ioctl(descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
    os.write(screen, typed.encode())
    process = subprocess.Popen(
        program,
        cwd=folder,
        env={**os.environ, "TERM": "xterm", **environment},
        stdin=descriptor,
        stdout=subprocess.PIPE if only_errors else descriptor,
        stderr=descriptor,
    )
    os.close(descriptor)
    piped: list[bytes] = []
    # Both are read at the same time: a program that waits for one of them would never end.
    reader = threading.Thread(target=lambda: piped.extend(process.stdout or ()))
    reader.start()
    received = b""
    try:
        while some := os.read(screen, 4_096):
            received += some
    except OSError:  # the last process on the terminal has ended
        pass
    os.close(screen)
    reader.join()
    if process.stdout is not None:
        process.stdout.close()
    return Seen(process.wait(), received.decode(), b"".join(piped).decode())
