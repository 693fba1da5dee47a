"""Completion of the command `keyledger` in real shells, on a terminal."""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from keyledger.cli.completion import SHELLS
from tests.clients.command import SOURCE
from tests.missing import stop_without

_SECONDS = 20
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07")
_PROMPT = "ready> "
_START: Mapping[str, tuple[list[str], str]] = {
    "bash": (["--norc", "--noprofile", "-i"], f"PS1='{_PROMPT}'\nsource <(keyledger completion bash)\n"),
    "zsh": (["-f", "-i"], f"autoload -Uz compinit; compinit -u; PS1='{_PROMPT}'\nsource <(keyledger completion zsh)\n"),
    "fish": (
        ["--no-config", "-i"],
        f"function fish_prompt; echo -n '{_PROMPT}'; end\nkeyledger completion fish | source\n",
    ),
}
"""The arguments of each shell, and what a user enters first."""


class Terminal:
    """A shell on a pseudo-terminal, with what it has shown."""

    def __init__(self, shell: str, folder: Path) -> None:
        arguments, first = _START[shell]
        self._screen, descriptor = pty.openpty()
        self._shown = ""
        self._process = subprocess.Popen(
            ["setsid", "--ctty", shell, *arguments],  # fish needs a terminal that controls its session
            cwd=folder,
            env={
                **os.environ,
                "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(SOURCE),
                "HOME": str(folder),
                "TERM": "xterm",
            },
            stdin=descriptor,
            stdout=descriptor,
            stderr=descriptor,
        )
        os.close(descriptor)
        for line in first.splitlines():
            self.type(f"{line}\r")
        self.type("echo one-$((1 + 1))\r" if shell != "fish" else "echo one-(math 1 + 1)\r")
        self.wait_for("one-2")

    def type(self, text: str) -> None:
        os.write(self._screen, text.encode())
        time.sleep(0.3)  # a shell that is not yet reading would take a tab for text

    def wait_for(self, text: str) -> None:
        """Wait until the terminal shows the text."""
        end = time.monotonic() + _SECONDS
        while text not in self._shown:
            assert time.monotonic() < end, f"{text!r} is not in {self._shown!r}"
            if select.select([self._screen], [], [], 0.2)[0]:
                self._shown += _CONTROL.sub("", os.read(self._screen, 4_096).decode(errors="replace"))

    def forget(self) -> None:
        self._shown = ""

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._screen)


@pytest.mark.parametrize("shell", SHELLS)
def test_a_tab_completes_commands_options_and_values(shell: str, tmp_path: Path) -> None:
    if shutil.which(shell) is None:
        stop_without(f"apt-get install {shell}")
    command = tmp_path / "keyledger"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyledger "$@"\n')
    command.chmod(0o755)
    terminal = Terminal(shell, tmp_path)
    try:
        for typed, completed in (
            ("keyledger aler\t", "keyledger alerts "),
            ("acknow\t", "keyledger alerts acknowledge "),
            ("\x15keyledger keys list --unus\t", "keyledger keys list --unused-for-days "),
            ("\x15keyledger keys list --sort last\t", "keyledger keys list --sort last_used "),
        ):
            terminal.forget()
            terminal.type(typed)
            terminal.wait_for(completed.removeprefix("keyledger alerts ") if typed.startswith("ac") else completed)
    finally:
        terminal.close()
