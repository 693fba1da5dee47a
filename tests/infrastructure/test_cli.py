"""The common behavior of all operator commands: help texts, errors in one line, and no colors in a pipe."""

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
import pytest

from infrastructure.cli import Listing, show
from infrastructure.completion import PROGRAMS
from tests.terminals import on_terminal

ROOT = Path(__file__).parents[2]
_WITHOUT_REPORT = {"serve", "run", "schedule", "demo", "openapi", "completion"}
"""Commands that print no report, or whose output is itself a document or a script."""

_IRREVERSIBLE = {"drop-old", "skip", "retention", "forget-failed", "demo", "demo-data"}


def _commands(group: click.Group, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, group
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from _commands(command, (*path, name))
        else:
            yield (*path, name), command


COMMANDS = [
    each for name in PROGRAMS for each in _commands(importlib.import_module(f"{name}.__main__").commands, (name,))
]
LEAVES = [(path, command) for path, command in COMMANDS if not isinstance(command, click.Group)]


def _run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *words]
    inherited = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "FORCE_COLOR")}
    return subprocess.run(
        command, cwd=ROOT, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(("path", "command"), COMMANDS, ids=[" ".join(path) for path, _ in COMMANDS])
def test_help_fits_in_80_columns_and_explains_every_option(
    path: tuple[str, ...], command: click.Command, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    module = importlib.import_module(f"{path[0]}.__main__")
    code = module.commands.main([*path[1:], "--help"], prog_name=f"python -m {path[0]}", standalone_mode=False)
    text = capsys.readouterr().out
    assert code == 0
    assert text.startswith(f"Usage: python -m {' '.join(path)} ")
    assert "\x1b" not in text
    assert all(len(line) <= 80 for line in text.splitlines())
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", None), parameter.name


def test_help_has_colors_only_on_a_terminal_without_no_color() -> None:
    piped = _run("eventstore", "--help")
    assert (piped.returncode, piped.stderr, "\x1b" in piped.stdout) == (0, "", False)
    assert "\x1b[" in on_terminal(["eventstore", "--help"], {}).screen
    plain = on_terminal(["eventstore", "--help"], {"NO_COLOR": "1"}).screen
    assert "\x1b[3" not in plain, "no color"


@pytest.mark.parametrize(("path", "command"), LEAVES, ids=[" ".join(path) for path, _ in LEAVES])
def test_reporting_commands_have_json_and_irreversible_ones_have_yes(
    path: tuple[str, ...], command: click.Command
) -> None:
    options = {name for parameter in command.params for name in parameter.opts}
    # The commands of `embedded` pass on what they start.
    assert ("--json" in options) == (path[0] != "embedded" and path[-1] not in _WITHOUT_REPORT)
    assert ("--yes" in options) == (path[0] != "embedded" and path[-1] in _IRREVERSIBLE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_usage_error_prints_the_usage_and_one_line(program: str) -> None:
    for words, problem in (((), "Missing command."), (("no-such",), "No such command 'no-such'.")):
        result = _run(program, *words)
        assert (result.returncode, result.stdout) == (2, "")
        usage, line = result.stderr.splitlines()
        assert usage == f"Usage: python -m {program} [OPTIONS] COMMAND [ARGS]..."
        assert line == f"{problem} See python -m {program} --help"


@pytest.mark.parametrize("words", [("eventstore", "check"), ("eventstore", "migrate"), ("projections", "status")])
def test_a_missing_database_setting_is_named(words: tuple[str, ...]) -> None:
    result = _run(*words, DATABASE_URL="", KEYLEDGER_MIGRATION_DATABASE_URL="")
    assert (result.returncode, result.stdout) == (2, "")
    expected = "DATABASE_URL is not set. Set it to the database, such as postgresql://user@host/name\n"
    assert result.stderr.removeprefix("KEYLEDGER_MIGRATION_") == expected


def test_a_result_in_a_pipe_is_plain_lines_or_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    document: Mapping[str, object] = {"ids": ["org_" + "0" * 26]}
    listing = Listing(("id",), [("org_" + "0" * 26,)])
    show(document, ["a line"], as_json=False, listing=listing)
    assert capsys.readouterr().out == "a line\n"
    show(document, ["a line"], as_json=True, listing=listing)
    assert capsys.readouterr().out == '{\n  "ids": [\n    "org_00000000000000000000000000"\n  ]\n}\n'
