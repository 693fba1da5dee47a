"""Questions, dry runs and files of `keyledger`, for what cannot be undone or shown again."""

import json
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import person
from tests.clients.command import SOURCE, Run, lines_of
from tests.terminals import on_terminal


@pytest.fixture
def environment(api: Api, org: Organization) -> dict[str, str]:
    return {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}


def days_left(key: dict[str, str]) -> float:
    return (datetime.fromisoformat(key["expires_at"]) - datetime.now(UTC)) / timedelta(days=1)


def test_a_key_expires_in_90_days_unless_never_is_said(run: Run) -> None:
    created = json.loads(run("keys", "create", "A", "--all-mcps", "--json").stdout)
    assert 89.9 < days_left(created) <= 90
    shorter = json.loads(run("keys", "create", "B", "--all-mcps", "--expires-in-days", "7", "--json").stdout)
    assert 6.9 < days_left(shorter) <= 7
    fixed = json.loads(run("keys", "create", "C", "--all-mcps", "--expires-at", "2099-01-01", "--json").stdout)
    assert fixed["expires_at"].startswith("2099-01-01T00:00:00")
    forever = run("keys", "create", "D", "--all-mcps", "--never")
    assert "expires      never\n" in forever.stdout


def test_the_output_shows_what_a_new_key_can_reach(org: Organization, run: Run) -> None:
    mcp_id = org.mcp()
    created = run(
        "keys", "create", "A", "--mcp", mcp_id, "--tools", f"{mcp_id}=get_*,list_*", "--deny-tools", f"{mcp_id}=*_all"
    )
    assert f"reaches      {mcp_id}; on {mcp_id} only get_*, list_* but not *_all\n" in created.stdout
    assert "reaches      every MCP, including future ones\n" in run("keys", "create", "A", "--all-mcps").stdout


def test_a_key_that_reaches_nothing_is_created_only_on_purpose(org: Organization, run: Run) -> None:
    refused = run("keys", "create", "Nothing")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "reach no MCP and manage nothing" in refused.stderr
    assert "--yes" in refused.stderr
    assert run("keys", "create", "Nothing", "--yes").returncode == 0
    assert run("keys", "create", "Reader", "--manage", "keys:read").returncode == 0
    assert [key["name"] for key in lines_of(run("keys", "list", "--json"))] == ["Reader", "Nothing", "Manager"]


@pytest.mark.parametrize(("answer", "code", "status"), [("n", 6, "active"), ("", 6, "active"), ("y", 0, "revoked")])
def test_a_revocation_names_the_last_use_and_asks(
    api: Api, org: Organization, environment: dict[str, str], answer: str, code: int, status: str
) -> None:
    used, unused = org.key(name="Agent"), org.key(name="Unused")
    org.verify(used.secret)
    count(api)
    for key, use in ((unused, "was never used"), (used, "was last used now")):
        seen = on_terminal(["keyledger", "keys", "revoke", key.id], environment, typed=f"{answer}\n")
        assert seen.code == code, seen.text
        assert use in seen.text or "min ago" in seen.text
        assert "Revoke it immediately and permanently? [y/N]" in seen.text
        assert ("Nothing was changed." in seen.text) is (code == 6)
        assert org.client.get(key.path).data["status"] == status


def test_a_revocation_without_a_terminal_needs_yes_and_a_dry_run_changes_nothing(org: Organization, run: Run) -> None:
    key = org.key(name="Agent")
    refused = run("keys", "revoke", key.id, stdin="y\n")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    shown = run("keys", "revoke", key.id, "--dry-run")
    assert shown.stdout == f"“Agent” ({key.id}) is active and was never used. It would be revoked.\n"
    assert org.client.get(key.path).data["status"] == "active"
    assert run("keys", "revoke", key.id, "--yes", "--reason", "compromised").returncode == 0
    assert org.client.get(key.path).data["revoked_reason"] == "compromised"


def test_earlier_secrets_end_after_a_question_that_names_their_last_use(
    api: Api, org: Organization, run: Run, environment: dict[str, str]
) -> None:
    key = org.key()
    assert run("keys", "rotate", key.id, "--overlap-seconds", "3600", "--secret-only").returncode == 0
    refused = run("keys", "end-secrets", key.id)
    assert (refused.returncode, "1 earlier secret works (not known to be used)." in refused.stderr) == (2, True)
    org.verify(key.secret)
    count(api)
    kept = on_terminal(["keyledger", "keys", "end-secrets", key.id], environment, typed="n\n")
    assert (kept.code, "1 earlier secret works (last used " in kept.text) == (6, True)
    assert org.verify(key.secret)["code"] == "valid"
    ended = run("keys", "end-secrets", key.id, "--yes")
    assert ended.stdout == f"Only the newest secret of {key.id} works now.\n"
    assert org.verify(key.secret)["code"] == "revoked_key"
    assert run("keys", "end-secrets", key.id).returncode == 0, "without an earlier secret, there is no question"


def test_tools_of_an_mcp_include_the_mcp(org: Organization, run: Run) -> None:
    mcp_id = org.mcp()
    created = run("keys", "create", "Reader", "--tools", f"{mcp_id}=get_*", "--json")
    assert created.returncode == 0, created.stderr
    assert json.loads(created.stdout)["permissions"] == {"mcps": [mcp_id], "tools": {mcp_id: {"allow": ["get_*"]}}}


def test_many_keys_are_revoked_after_they_were_shown(org: Organization, run: Run, environment: dict[str, str]) -> None:
    keys = [org.key(name=f"Agent {number}") for number in range(3)]
    selected = ["keys", "revoke-many", "--created-by", org.manager.id, "--reason", "superseded"]
    shown = run(*selected, "--dry-run")
    assert [name in shown.stdout for name in ("Agent 0", "Agent 1", "Agent 2", "3 keys match.")] == [True] * 4
    assert run(*selected).returncode == 2
    assert on_terminal(["keyledger", *selected], environment, typed="n\n").code == 6
    assert {org.client.get(key.path).data["status"] for key in keys} == {"active"}
    assert on_terminal(["keyledger", *selected], environment, typed="y\n").code == 0
    assert {org.client.get(key.path).data["status"] for key in keys} == {"revoked"}
    assert (
        json.loads(run("keys", "revoke-many", keys[0].id, "--reason", "superseded", "--yes", "--json").stdout)[
            "revoked"
        ]
        == 0
    )


def test_whatever_cannot_be_undone_asks(api: Api, org: Organization, run: Run) -> None:
    mcp_id = org.mcp()
    member = person(api, org.id, "viewer")
    hook = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
    for words in (["mcps", "delete", mcp_id], ["members", "remove", member.id], ["webhooks", "delete", hook]):
        refused = run(*words)
        assert (refused.returncode, "--yes" in refused.stderr) == (2, True), words
        assert run(*words, "--yes").returncode == 0
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 404


@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_secret_goes_to_a_new_file_of_its_owner_and_nowhere_else(
    org: Organization, run: Run, tmp_path: Path, form: tuple[str, ...]
) -> None:
    file = tmp_path / "agent.key"
    created = run("keys", "create", "Agent", "--all-mcps", "--out", str(file), *form)
    assert created.returncode == 0, created.stderr
    secret = file.read_text().rstrip("\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert secret not in created.stdout + created.stderr
    assert org.verify(secret)["valid"]
    again = run("keys", "create", "Agent", "--all-mcps", "--out", str(file), *form)
    assert (again.returncode, "exists already" in again.stderr) == (2, True)
    assert file.read_text() == f"{secret}\n"
    assert len(org.client.get("/v1/api-keys").data) == 2, "no key was created without a place for its secret"


def test_a_refused_creation_leaves_no_file(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "agent.key"
    refused = run("keys", "create", "x" * 101, "--all-mcps", "--out", str(file))
    assert (refused.returncode, file.exists()) == (5, False)


def test_a_secret_that_cannot_be_written_is_printed(org: Organization, run: Run, tmp_path: Path) -> None:
    # A module that Python imports at its start makes each write of the secret fail, as on a full disk.
    (tmp_path / "sitecustomize.py").write_text(
        "import os\ndef full(descriptor):\n    raise OSError(28, 'No space left on device')\nos.fsync = full\n"
    )
    file = tmp_path / "agent.key"
    path = f"{tmp_path}{os.pathsep}{SOURCE}"
    created = run("keys", "create", "Agent", "--all-mcps", "--out", str(file), PYTHONPATH=path)
    assert created.returncode == 8, "a script must not go on without the file"
    assert "No space left on device" in created.stderr
    (secret,) = [line for line in created.stdout.splitlines() if line.startswith("pk_live_") and len(line) == 40]
    assert org.verify(secret)["valid"]
    assert not file.exists()


@pytest.mark.parametrize(
    "words",
    [
        ["keys", "list", "--key-file", "KEY"],
        ["keys", "list", "--profile", "KEY"],
        ["keys", "list", "--status", "KEY"],
        ["keys", "identify", "KEY"],
        ["KEY"],
        ["keys", "create", "A", "--all-mcps", "--metadata", "KEY"],
        ["keys", "create", "A", "--all-mcps", "--out", "/does/not/exist/KEY"],
    ],
)
def test_a_key_in_the_wrong_place_is_not_repeated(org: Organization, run: Run, words: list[str]) -> None:
    ran = run(*(word.replace("KEY", org.manager.secret) for word in words))
    assert ran.returncode == 2
    assert org.manager.secret not in ran.stdout + ran.stderr
    assert f"{org.manager.secret[:12]}…" in ran.stderr or "not the key itself" in ran.stderr


def test_standard_input_is_used_once(run: Run) -> None:
    ran = run("keys", "verify", "-", "--key-file", "-", stdin=unknown_secret())
    assert (ran.returncode, "for one thing only" in ran.stderr) == (2, True)


def test_json_is_utf_8_whatever_the_encoding_of_texts(org: Organization, run: Run) -> None:
    key = org.key(name="Schlüssel 鍵")
    shown = json.loads(run("keys", "get", key.id, "--json", PYTHONIOENCODING="ascii").stdout)
    assert shown["name"] == "Schlüssel 鍵"


def test_an_export_into_a_pipe_or_a_device_does_not_replace_it(run: Run, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to("/dev/null")
    assert run("audit", "export", "--output", str(link)).returncode == 0
    assert link.is_symlink()
    assert Path("/dev/null").is_char_device()
    refused = run("audit", "export", "--output", str(tmp_path))
    assert (refused.returncode, "is a folder" in refused.stderr) == (2, True)


def test_an_update_changes_only_what_is_given(org: Organization, run: Run) -> None:
    github, jira = org.mcp(name="GitHub"), org.mcp(name="Jira")
    permissions = {"mcps": [github], "tools": {github: {"allow": ["get_*"]}}, "manage": ["keys:read"]}
    key = org.key(name="Agent", permissions=permissions, allowed_ips=["10.0.0.0/8"], rate_limit={"per_second": 5})

    def updated(*options: str) -> dict[str, object]:
        ran = run("keys", "update", key.id, *options, "--json")
        assert ran.returncode == 0, ran.stderr
        found: dict[str, object] = json.loads(ran.stdout)
        return found

    assert updated("--name", "New")["name"] == "New"
    added = updated("--mcp", github, "--mcp", jira)["permissions"]
    assert added == {
        "mcps": [github, jira],
        "tools": {github: {"allow": ["get_*"]}},
        "manage": ["keys:read"],
    }
    removed = updated("--mcp", jira)["permissions"]
    assert removed == {"mcps": [jira], "tools": {}, "manage": ["keys:read"]}
    emptied = run("keys", "update", key.id, "--no-mcps", "--no-manage")
    assert re.search(r"^reaches +no MCP$", emptied.stdout, re.MULTILINE)
    assert "manages" not in emptied.stdout
    changed = updated("--any-ip", "--no-rate-limit", "--never", "--description", "", "--metadata", "team=search")
    assert (changed["allowed_ips"], changed["rate_limit"], changed["expires_at"]) == ([], None, None)
    assert (changed["metadata"], changed["name"]) == ({"team": "search"}, "New")
