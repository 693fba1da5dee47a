"""The commands in the README, executed in one shell in the order in which the README shows them."""

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

from tests.stories.running import ROOT
from tests.waiting import stretched

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXIT_CODE = re.compile(r"# exit code (\d+)$")
_COPIED = {"key_…": re.compile(r"key_[0-9a-z]{20,}"), "pk_live_…": re.compile(r"pk_live_[0-9A-Za-z]{30,}")}
_MARK = "~~~ exit code"


class Step(NamedTuple):
    """A command and the lines that the README shows below it."""

    command: str
    expected: list[str]


def steps_of_readme() -> list[Step]:
    steps: list[Step] = []
    continued = False
    for block in _CONSOLE.findall((ROOT / "README.md").read_text("utf-8")):
        for line in block.splitlines():
            if continued:
                steps[-1] = Step(f"{steps[-1].command}\n{line}", [])
            elif line.startswith("$ "):
                steps.append(Step(line[2:], []))
            else:
                steps[-1].expected.append(line)
            continued = line.endswith("\\")
    return steps


def type_all(steps: list[Step], folder: Path) -> None:
    """Type the commands in a shell in `folder`, which has the data folder of a run. Compare what they print."""
    shell = _Shell(folder)
    watchdog = threading.Timer(stretched(120), shell.close)
    watchdog.start()
    try:
        # The package under clients/python installs this command; its entry point is what `-m keyledger` runs.
        shell.type(f'keyledger() {{ "{sys.executable}" -m keyledger "$@"; }}')
        _type_all(shell, steps)
    finally:
        watchdog.cancel()
        shell.close()


def _matches(expected: str, printed: str) -> bool:
    """Return whether `printed` is what the README shows, where `…` stands for any text."""
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("…")), printed) is not None


def _copy(output: str, clipboard: dict[str, str]) -> None:
    """Keep the first id and the first secret of an output: what a reader copies for a later command."""
    for shown, pattern in _COPIED.items():
        if copied := pattern.search(output):
            clipboard[shown] = copied[0]


def _paste(command: str, clipboard: dict[str, str]) -> str:
    """Replace `key_…` and `pk_live_…` by the values that were copied last."""
    for shown, value in clipboard.items():
        command = command.replace(shown, value)
    return command


class _Shell:
    """One bash process, so that variables and functions last from one command to the next."""

    def __init__(self, folder: Path) -> None:
        packages = os.pathsep.join([str(ROOT), str(ROOT / "clients/python/src")])
        self._process = subprocess.Popen(
            ["bash", "-u"],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": packages},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def type(self, command: str) -> tuple[list[str], int]:
        """Return the lines that the command prints, without empty ones, and its exit code."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f'{command}\ncode=$?; echo; echo "{_MARK} $code"\n')
        self._process.stdin.flush()
        lines: list[str] = []
        for line in self._process.stdout:
            if line.startswith(_MARK):
                return lines, int(line.removeprefix(_MARK))
            if line.strip():
                lines.append(line.rstrip())
        raise AssertionError((command, lines))

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


def _type_all(shell: _Shell, steps: list[Step]) -> None:
    clipboard: dict[str, str] = {}
    for command, expected in steps:
        lines, code = shell.type(_paste(command, clipboard))
        _copy("\n".join(lines), clipboard)
        stated = _EXIT_CODE.search(command)
        assert code == (int(stated[1]) if stated else 0), (command, lines)
        assert len(lines) == len(expected), (command, lines)
        for shown, printed in zip(expected, lines, strict=True):
            assert _matches(shown, printed), f"{command}\nshown:   {shown}\nprinted: {printed}"
