"""Shell completion of the operator programs, which are run as `python -m <program>`."""

import importlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.completion import PROGRAMS, SHELLS, script
from tests.programs import run_program

ROOT = Path(__file__).parents[2]

_COMPLETE = """\
eval "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_keyledger_completion
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _bash(*words: str) -> list[str]:
    """Return the completions that bash offers for the last word of a command line."""
    command = ["bash", "-c", _COMPLETE, "bash", *words]
    environment = {**os.environ, "SCRIPT": script("bash")}
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return [line for line in result.stdout.splitlines() if line]


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["-m", ""], list(PROGRAMS)),
        (["-m", "event"], ["eventstore"]),
        (["-m", "eventstore", ""], ["check", "migrate", "read-export"]),
        (["-m", "projections", "re"], ["rebuild"]),
        (["-m", "projections", "verify", "key_l"], ["key_lineage", "key_list"]),
        (["-m", "workers", "retention", "--d"], ["--dry-run"]),
        (["-m", "workers", "retry-failed", "deliver_w"], ["deliver_webhooks"]),
        (["-m", "app", "admin", "create-"], ["create-management-key", "create-organization"]),
        (["-m", "app", "admin", "change-plan", "--plan", "t"], ["team"]),
        (["-m", "embedded", ""], ["demo-data", "run"]),
        (["-m", "pytest", ""], []),
        (["script.py", ""], []),
    ],
)
def test_bash_offers_the_matching_words(words: list[str], offered: list[str]) -> None:
    assert _bash(sys.executable, *words) == offered


@pytest.mark.parametrize("shell", SHELLS)
def test_the_printed_script_is_valid_for_its_shell(shell: str) -> None:
    printed = run_program("app", "completion", shell, environment={})
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, script(shell), "")
    assert "@" not in printed.stdout.replace('"$@"', "").replace("{(@f)", "").replace("[@]", "")
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=printed.stdout, text=True, check=True)


@pytest.mark.parametrize(
    ("shell", "line", "word", "offered"),
    [
        ("zsh", "eventstore ch", "1", "plain\ncheck\nVerify the whole log"),
        ("fish", "eventstore ch", "ch", "plain,check\t"),
    ],
)
def test_programs_complete_for_zsh_and_fish(shell: str, line: str, word: str, offered: str) -> None:
    environment = {
        **os.environ,
        "_OPERATOR_COMPLETE": f"{shell}_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": word,
    }
    command = [sys.executable, "-m", "eventstore"]
    result = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert result.stdout.startswith(offered)


def test_every_program_with_commands_is_completed() -> None:
    with_commands = [path.parent.name for path in ROOT.glob("*/__main__.py") if "cli.run(" in path.read_text()]
    assert sorted(with_commands) == sorted(PROGRAMS)
    for name in PROGRAMS:
        assert importlib.import_module(f"{name}.__main__").commands.commands
