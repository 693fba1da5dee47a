"""The commands of the Makefile, as developers and CI use them."""

import os
import re
import subprocess

from tests.architecture.conftest import ROOT


def _make(*words: str) -> str:
    """Run `make` and return its output, without the options of a `make` that runs these tests."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    completed = subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return completed.stdout


def test_make_lists_its_targets() -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    listed = dict(re.findall(r"^  make ([a-z-]+) +(.+)$", _make(), re.MULTILINE))
    assert list(listed) == targets
    assert {"run", "test", "soak", "check", "fix", "bench"} <= set(listed)


def test_ci_runs_make_check_which_includes_make_test() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in script
    assert script[-1] == "exec make --no-print-directory check"
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
