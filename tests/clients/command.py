"""The command `keyledger` as a separate process."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "clients/python/src"

Ran = subprocess.CompletedProcess[str]
Run = Callable[..., Ran]


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
