"""The README's session, typed as it stands there."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import free_port
from tests.stories.running import ROOT, running

pytestmark = pytest.mark.xdist_group("readme")

_CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_MARK = "~~~ next command ~~~"


def _session() -> list[tuple[str, list[str]]]:
    """Each command of the README and the lines that it says will be printed."""
    commands: list[tuple[str, list[str]]] = []
    for block in _CONSOLE.findall((ROOT / "README.md").read_text("utf-8")):
        for line in block.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            else:
                commands[-1][1].append(line)
    return commands


def _matches(expected: str, printed: str) -> bool:
    """Whether `printed` is what the README shows, `…` standing for anything."""
    return re.fullmatch(".*".join(re.escape(part) for part in expected.split("…")), printed) is not None


def test_every_command_of_the_readme_prints_what_it_says(tmp_path: Path) -> None:
    session = _session()
    assert len(session) >= 9
    # The shell of somebody who typed `make run` in the checkout, though the data lies elsewhere here.
    (tmp_path / ".venv").symlink_to(sys.prefix)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with running(tmp_path / ".keyledger", free_port()):
        script = "\n".join(f"{command}\necho\necho '{_MARK}'" for command, _ in session)
        ran = subprocess.run(
            ["bash", "-eu", "-c", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert ran.returncode == 0, ran.stderr
    printed = [part.strip() for part in ran.stdout.split(_MARK)]
    for (command, expected), output in zip(session, printed, strict=False):
        lines = [line for line in output.splitlines() if line]
        assert len(lines) == len(expected), (command, output)
        for want, got in zip(expected, lines, strict=True):
            assert _matches(want, got), f"{command}\nshown:   {want}\nprinted: {got}"
