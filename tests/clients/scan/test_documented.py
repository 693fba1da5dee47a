"""The hook and the commands in docs/leaked-keys.md work as they are written."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from msgspec.structs import fields

from keyledger.cli.scan.findings import Reported
from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE
from tests.clients.scan.repository import Repository, new_key

_DOCUMENT = Path(__file__).parents[3] / "docs/leaked-keys.md"
_HOOK, _CI, _REFRESH = re.findall(r"^ *```sh\n(.*?)^ *```$", _DOCUMENT.read_text("utf-8"), re.MULTILINE | re.DOTALL)


@pytest.fixture
def environment(api: Api, org: Organization, tmp_path: Path) -> dict[str, str]:
    """Settings of the command, and a folder with it in PATH."""
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "keyledger"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m keyledger "$@"\n')
    command.chmod(0o755)
    return {
        "KEYLEDGER_URL": api.url,
        "KEYLEDGER_ADMIN_KEY": org.manager.secret,
        "PYTHONPATH": str(SOURCE),
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
    }


def _run(folder: Path, environment: Mapping[str, str], *command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_the_hook_refuses_a_commit_that_adds_a_key_and_no_other(tmp_path: Path, environment: dict[str, str]) -> None:
    repository = Repository(tmp_path / "repository")
    old = new_key()
    repository.commit(config=f"{old}\n", readme="nothing")
    hook = repository.folder / ".git/hooks/pre-commit"
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")

    def commit() -> "subprocess.CompletedProcess[str]":
        repository.git("add", "--all")
        return _run(repository.folder, environment, "git", *identity, "commit", "--message=change")

    (repository.folder / "config").write_text("KEY from the environment\n")
    assert commit().returncode == 0, "a commit that removes a key"
    key = new_key()
    (repository.folder / "config").write_bytes(b"\0\xff" + key.encode())
    repository.git("add", "--all")
    (repository.folder / "config").write_text("removed from the file, but not from the commit")
    refused = _run(repository.folder, environment, "git", *identity, "commit", "--message=change")
    assert refused.returncode == 1
    assert f"{key[:12]}…{key[-4:]}" in refused.stdout + refused.stderr
    assert commit().returncode == 0


@pytest.mark.parametrize(
    "configuration",
    [
        ["color.ui", "always"],
        ["color.diff", "always"],
        ["diff.own.textconv", "true"],
        ["diff.external", "true"],
        ["diff.noprefix", "true"],
        ["diff.context", "-1"],  # with which git diff fails
        ["diff.orderFile", "absent"],
    ],
    ids=" ".join,
)
def test_the_hook_refuses_a_key_however_git_is_configured(
    tmp_path: Path, environment: dict[str, str], configuration: list[str]
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(readme="nothing")
    (repository.folder / ".gitattributes").write_text("* diff=own\n")
    (repository.folder / "config").write_text(f"{new_key()}\n")
    repository.git("add", "--all")
    hook = repository.folder / ".git/hooks/pre-commit"
    hook.write_text(_HOOK)
    hook.chmod(0o755)
    repository.git("config", *configuration)
    folder = tmp_path / "temporary"
    folder.mkdir()
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    commit = ("git", *identity, "commit", "--message=change")
    refused = _run(repository.folder, {**environment, "TMPDIR": str(folder)}, *commit)
    assert refused.returncode != 0
    assert not list(folder.iterdir()), "the changes are not left behind"


def test_all_fields_of_a_finding_are_documented_in_their_order() -> None:
    (listed,) = re.findall(r"document for each place, with (.*?)\.\n", _DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert re.findall("`(.*?)`", listed) == [field.name for field in fields(Reported)]


def test_the_commands_for_continuous_integration_fail_if_there_is_a_key(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    repository = Repository(tmp_path / "repository")
    repository.commit(readme="nothing")
    (repository.folder / ".env").write_text(new_key())
    assert _run(repository.folder, environment, "sh", "-c", _CI).returncode == 0
    repository.git("add", "--force", ".env")
    repository.git("commit", "--quiet", "--message=by mistake")
    (repository.folder / ".env").unlink()
    repository.commit()
    failed = _run(repository.folder, environment, "sh", "-c", _CI)
    assert failed.returncode == 1
    assert ".env:1 (commit " in failed.stdout


def test_the_file_with_public_keys_is_replaced_in_one_step_and_only_if_the_response_is_complete(
    tmp_path: Path,
) -> None:
    """The server never reads a file that is partly written."""
    programs = tmp_path / "bin"
    programs.mkdir()
    curl, file = programs / "curl", tmp_path / "github-keys.json"
    file.write_text("former")
    for code, expected in ((18, "former"), (0, "new")):
        curl.write_text(f'#!/bin/sh\nfor last; do :; done\nprintf new > "$last"\nexit {code}\n')
        curl.chmod(0o755)
        ran = _run(tmp_path, {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}, "sh", "-c", _REFRESH)
        assert (ran.returncode, file.read_text()) == (code, expected)
    assert "-o github-keys.json.new" in _REFRESH
