"""The examples of docs/as-code.md, executed as they are printed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE

_PAGE = (Path(__file__).parents[2] / "docs/as-code.md").read_text("utf-8")
(_FILE,) = re.findall(r"^```toml\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
_APPLIED, _EXPORTED = re.findall(r"^```console\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
(_NIGHTLY,) = re.findall(r"^```bash\n(.*?)^```$", _PAGE, re.MULTILINE | re.DOTALL)


@pytest.fixture
def shell(api: Api, org: Organization, tmp_path: Path) -> "Shell":
    return Shell(tmp_path, {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret})


class Shell:
    """A folder in which `keyledger` is a command."""

    def __init__(self, folder: Path, settings: dict[str, str]) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONPATH": str(SOURCE), **settings}

    def run(self, script: str, *, stops: bool = True) -> "subprocess.CompletedProcess[str]":
        command = f'keyledger() {{ "{sys.executable}" -m keyledger "$@"; }}\n'
        return subprocess.run(
            ["bash", *(["-e"] if stops else []), "-c", command + script],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def session(self, console: str) -> "subprocess.CompletedProcess[str]":
        """Run the lines of a printed session."""
        return self.run("\n".join(line.removeprefix("$ ") for line in console.splitlines()))


def test_the_file_of_the_page_is_applied_and_exported_as_printed(
    org: Organization, shell: Shell, tmp_path: Path
) -> None:
    (tmp_path / "keyledger.toml").write_text(_FILE, "utf-8")
    applied = shell.session(_APPLIED)
    assert applied.returncode == 0, applied.stderr
    assert "Plan: 5 to create" in applied.stdout
    assert "Plan: 5 unchanged, 1 not in the file." in applied.stdout
    assert "the-token-of-jira" not in applied.stdout + applied.stderr
    assert {mcp["name"] for mcp in org.client.get("/v1/mcps").data} == {"Wiki", "Jira"}
    exported = shell.session(_EXPORTED)
    assert exported.returncode == 0, exported.stderr
    assert "Plan: 6 unchanged." in exported.stdout


def test_the_nightly_script_finds_what_was_changed_elsewhere(org: Organization, shell: Shell, tmp_path: Path) -> None:
    assert shell.run("keyledger export > keyledger.toml").returncode == 0
    assert (same := shell.run(_NIGHTLY, stops=False)).returncode == 0, same.stderr
    other = org.key(name="Made elsewhere")
    different = shell.run(_NIGHTLY, stops=False)
    assert different.returncode == 1
    assert f"revoke key “Made elsewhere” ({other.id}), never used" in different.stdout
    (tmp_path / "keyledger.toml").write_text("keys = 1")
    assert shell.run(_NIGHTLY, stops=False).returncode == 2
