"""What somebody types, and what CI does, are the same few words."""

import os
import re
import subprocess

from tests.architecture.conftest import ROOT


def _make(*words: str) -> str:
    """What `make` prints. These tests may be run by another one, which hands its own options on."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    made = subprocess.run(["make", *words], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return made.stdout


def test_make_alone_says_what_there_is() -> None:
    targets = re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    said = dict(re.findall(r"^  make ([a-z-]+) +(.+)$", _make(), re.MULTILINE))
    assert list(said) == targets
    assert {"run", "test", "soak", "check", "fix", "bench"} <= set(said)


def test_ci_does_what_make_check_does_and_that_includes_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert "set -euo pipefail" in script
    assert script[-1] == "exec make --no-print-directory check"
    assert re.search(r"^make test +#", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    done = _make("--dry-run", "check")
    covered, rest = done.splitlines()[-2:]
    folders = ["tests/domain", "tests/golden"]
    assert " ".join(folders) in covered, "these run with coverage"
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
        assert part in done
