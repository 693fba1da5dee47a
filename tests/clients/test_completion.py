"""Completion of the command `keyledger` in shells."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from keyledger.cli.completion import SHELLS, VARIABLE, script_for
from tests.clients.command import SOURCE, run_command

_COMPLETE = """\
eval "$SCRIPT"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_keyledger
printf '%s\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def command(tmp_path: Path) -> str:
    """The path of a command `keyledger`."""
    file = tmp_path / "keyledger"
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyledger "$@"\n')
    file.chmod(0o755)
    return str(file)


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["a"], ["activity", "alerts", "audit", "apply"]),
        (["alerts", ""], ["list", "get", "acknowledge"]),
        (["alerts", "list", "--se"], ["--severity"]),
        (["alerts", "list", "--severity", ""], ["info", "warning", "critical"]),
        (["keys", "list", "--status", "active", "--o"], ["--open-grant", "--order"]),
        (["keys", "list", "--json", "--mcp-access", "a"], ["all"]),
        (["keys", "list", "--created-by", "list", "--sort", "n"], ["name"]),
        (["audit", "export", "--format", ""], ["jsonl", "csv", "excel"]),
        (["completion", ""], list(SHELLS)),
        (["keys", "get", "key_"], []),
        (["frobnicate", "x"], []),
    ],
)
def test_bash_offers_commands_options_and_their_values(command: str, words: list[str], offered: list[str]) -> None:
    result = subprocess.run(
        ["bash", "-c", _COMPLETE, "bash", command, *words],
        env={**os.environ, "PYTHONPATH": str(SOURCE), "SCRIPT": script_for("bash")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert [line for line in result.stdout.splitlines() if line] == offered


@pytest.mark.parametrize(
    "words", [["--severity", "=", "crit"], ["--severity", "="], ["--severity=crit"], ["--json", "--severity=c"]]
)
def test_the_value_after_an_equals_sign_is_completed(words: list[str]) -> None:
    """Bash splits `--severity=crit` into three words, and replaces the last one. Other shells replace all of it."""
    ran = run_command("alerts", "list", *words, env={VARIABLE: "1"})
    offered = [line.partition("\t")[0] for line in ran.stdout.splitlines()]
    assert offered == (
        ["--severity=critical"]
        if "=" not in words
        else ["critical"]
        if words[-1] != "="
        else ["info", "warning", "critical"]
    )


def test_words_after_a_value_with_an_equals_sign_are_completed() -> None:
    for words in (["--severity", "=", "critical", "--st"], ["--severity=critical", "--st"]):
        ran = run_command("alerts", "list", *words, env={VARIABLE: "1"})
        assert ran.stdout.startswith("--status\t"), words


def test_each_candidate_has_a_description() -> None:
    ran = run_command("alerts", "", env={VARIABLE: "1"})
    assert ran.stdout.splitlines()[0] == "list\tList alerts, newest first."
    for words in (("",), ("keys", ""), ("keys", "list", "--"), ("audit", "list", "--"), ("usage", "--")):
        lines = run_command(*words, env={VARIABLE: "1"}).stdout.splitlines()
        assert lines
        assert [line for line in lines if line.endswith("\t")] == [], words


@pytest.mark.parametrize("shell", SHELLS)
def test_the_printed_script_is_valid_for_its_shell(shell: str) -> None:
    printed = run_command("completion", shell, env={})
    assert (printed.returncode, printed.stdout, printed.stderr) == (0, script_for(shell), "")
    assert "@VARIABLE@" not in printed.stdout
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    subprocess.run([shell, "-n"], input=printed.stdout, text=True, check=True)
