"""The commands of the Makefile, as developers and CI use them."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.architecture.conftest import ROOT
from tests.gateways.programs import PROGRAMS


def _make(*words: str) -> str:
    """Run `make` and return its output, without the options of a `make` that runs these tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    completed = subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return completed.stdout


def test_make_lists_its_targets() -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = dict(re.findall(r"^  make ([a-z-]+) +(.+)$", _make(), re.MULTILINE))
    assert list(listed) == targets
    assert {"run", "test", "test-ui", "soak", "check", "fix", "bench", "screenshots"} <= set(listed)


def test_ci_runs_make_check_which_includes_make_test() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in script
    assert script[-2:] == [
        "export KEYLEDGER_CI=1 # tests that need the browser, a gateway, a shell or wrk fail instead of being skipped",
        "exec make --no-print-directory check",
    ]
    assert re.search(r"^make test +#", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    output = _make("--dry-run", "check")
    covered, rest = output.splitlines()[-2:]
    folders = ["tests/domain", "tests/golden"]
    assert " ".join(folders) in covered, "these folders run with coverage"
    assert rest.split() == [
        *_make("--dry-run", "test").splitlines()[-1].split(),
        *(f"--ignore={folder}" for folder in folders),
    ]
    for part in (
        "lock --check",
        "ruff format --check",
        "ruff check",
        "pyright",
        "lint-imports",
        "--cov-fail-under 100",
    ):
        assert part in output


def test_make_test_ui_runs_the_tests_in_the_browser_as_make_test_does() -> None:
    (everything,), (ui,) = (_make("--dry-run", target).splitlines()[-1:] for target in ("test", "test-ui"))
    assert ui == f"{everything} tests/ui"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_ci_installs_every_shell_that_completes_commands(shell: str) -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert re.search(rf"^for program in .*\b{shell}\b", script, re.MULTILINE)


def test_ci_installs_every_gateway() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    for gateway in PROGRAMS.values():
        for package in re.findall(r"apt-get install (\w+)", gateway.install):
            assert re.search(rf"^for program in .*\b{package}\b", script, re.MULTILINE), package
        if gateway.install == "make gateways":
            assert "make --no-print-directory gateways" in script


def test_ci_fails_without_a_browser_that_it_cannot_install(tmp_path: Path) -> None:
    for name, script in {"dirname": "echo .ci", "id": "echo 1000"}.items():
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
    bash = shutil.which("bash") or ""
    command = [bash, ROOT / ".ci/run"]
    completed = subprocess.run(
        command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 1
    assert "apt-get install chromium" in completed.stderr
