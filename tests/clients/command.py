"""The command `keyledger` as a separate process."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

SOURCE = Path(__file__).parents[2] / "clients/python/src"

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


def lines_of(ran: Ran) -> list[Any]:
    """Return the JSON documents that a command printed, one a line."""
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def run_command(*arguments: str, env: Mapping[str, str], stdin: str = "") -> Ran:
    """Run the command with these variables in addition to the environment."""
    return subprocess.run(
        [sys.executable, "-m", "keyledger", *arguments],
        input=stdin,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
