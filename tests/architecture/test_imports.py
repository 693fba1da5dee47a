"""The import layers, as `pyproject.toml` declares them."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.conftest import ROOT


def test_the_import_contracts_are_kept() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout
