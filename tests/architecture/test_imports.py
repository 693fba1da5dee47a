"""The direction of imports, as `pyproject.toml` declares it."""

import subprocess
import sys
from pathlib import Path

from tests.architecture.conftest import ROOT


def test_imports_run_one_way() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([command, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert " 0 broken" in run.stdout
