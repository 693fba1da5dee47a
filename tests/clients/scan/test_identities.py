"""`keyledger scan` with a service: whose the keys are, whether they work, and how to stop them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.app.organizations import Api, Key, Organization
from tests.clients.command import Ran, Run
from tests.clients.scan.repository import Repository, new_key
from tests.ports import free_port


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "tree"
    folder.mkdir()
    return folder


def findings(ran: Ran) -> list[Any]:
    assert ran.returncode == 1, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


def leaked(tree: Path, *secrets: str) -> None:
    for number, secret in enumerate(secrets):
        (tree / f"{number}.env").write_text(f"KEY={secret}\n")


def test_a_key_that_works_is_reported_with_its_name_last_use_and_the_command_that_stops_it(
    run: Run, org: Organization, tree: Path
) -> None:
    key = org.key(name="My agent")
    leaked(tree, key.secret, key.secret)
    before = run("scan", str(tree))
    assert before.returncode == 1
    assert f"{key.secret[:12]}…{key.secret[-4:]}  {key.id} (My agent): active, it works." in before.stdout
    assert f"  {tree}/0.env:1\n  {tree}/1.env:1\n" in before.stdout
    assert "1 key in 2 places (2 files, " in before.stdout
    (stop,) = re.findall("Stop it: keyledger (.*)", before.stdout)
    assert run(*stop.split(), "--yes").returncode == 0
    assert f"{key.id} (My agent): revoked, it does not work." in run("scan", str(tree)).stdout
    assert key.secret not in before.stdout + before.stderr


def test_one_request_is_made_for_each_distinct_key_and_none_is_a_use(run: Run, org: Organization, tree: Path) -> None:
    def identifications() -> int:
        return len(org.client.get("/v1/audit/events", {"type": "api_key.identified"}).data)

    key = org.key()
    leaked(tree, *[key.secret] * 5)
    assert len(findings(run("scan", str(tree), "--json"))) == 5
    assert identifications() == 1
    assert org.detail(key)["last_used"] is None
    assert run("scan", str(tree), "--offline").returncode == 1
    assert identifications() == 1


@pytest.mark.parametrize(
    ("change", "status", "works", "remedy"),
    [
        (None, "active", True, "keys revoke"),
        ("disable", "disabled", False, "keys revoke"),
        ("revoke", "revoked", False, None),
    ],
)
def test_the_state_of_a_key_is_reported(
    run: Run, org: Organization, tree: Path, change: str | None, status: str, works: object, remedy: str | None
) -> None:
    key = org.key()
    if change is not None:
        org.client.post(f"{key.path}/{change}")
    leaked(tree, key.secret)
    (found,) = findings(run("scan", str(tree), "--json"))
    assert (found["key_id"], found["key_name"], found["status"], found["works"]) == (key.id, "Deploy", status, works)
    assert remedy in found["remedy"] if remedy else found["remedy"] is None


@pytest.mark.parametrize("overlap", [0, 3600])
def test_a_replaced_secret_works_only_during_the_overlap(run: Run, org: Organization, tree: Path, overlap: int) -> None:
    key = org.key()
    rotated = org.client.post(f"{key.path}/rotate", {"overlap_seconds": overlap}).data["key"]
    leaked(tree, key.secret, rotated)
    earlier, current = findings(run("scan", str(tree), "--json"))
    assert (earlier["works"], current["works"]) == (bool(overlap), True)
    assert earlier["remedy"] == (f"keyledger keys end-secrets {key.id}" if overlap else None)
    assert current["remedy"] == f"keyledger keys revoke {key.id} --reason compromised"
    text = run("scan", str(tree)).stdout
    assert f"active, replaced by a rotation, {'it works' if overlap else 'it does not work'}." in text


def test_keys_of_others_are_said_to_be_unknown(run: Run, api: Api, tree: Path) -> None:
    other: Key = api.organization().key()
    leaked(tree, other.secret, new_key())
    for found in findings(run("scan", str(tree), "--json")):
        assert (found["key_id"], found["works"], found["remedy"]) == (None, None, None)
        assert found["explanation"].startswith("not a key of your organization that you can see")


def test_the_service_is_asked_about_a_hundred_keys_at_most(run: Run, org: Organization, tree: Path) -> None:
    known = org.key()
    leaked(tree, known.secret, *[new_key() for _ in range(99)], *[new_key() for _ in range(2)])
    found = findings(run("scan", str(tree), "--json"))
    not_asked = [each for each in found if each["explanation"].startswith("not asked, because a scan asks about 100")]
    assert (len(found), len(not_asked)) == (102, 2)
    assert found[0]["key_id"] == known.id


def test_the_last_use_is_reported(run: Run, org: Organization, tree: Path) -> None:
    key = org.key()
    leaked(tree, key.secret)
    assert "Last used: never" in run("scan", str(tree)).stdout
    assert org.verify(key.secret)["valid"] is True
    (found,) = findings(run("scan", str(tree), "--json"))
    assert found["last_used"] == org.detail(key)["last_used"]


def test_the_keys_of_the_history_are_identified(run: Run, org: Organization, tmp_path: Path) -> None:
    key, repository = org.key(), Repository(tmp_path / "repository")
    commit = repository.commit(config=key.secret)
    ran = run("scan", str(repository.folder), "--history")
    assert f"{key.id} (Deploy): active, it works." in ran.stdout
    assert f"  config:1 (commit {commit[:12]})\n" in ran.stdout


@pytest.mark.parametrize("problem", ["unreachable", "refused"])
def test_keys_are_reported_although_the_service_does_not_answer(
    run: Run, org: Organization, tree: Path, problem: str
) -> None:
    key = org.key()
    leaked(tree, key.secret, new_key())
    settings = {"KEYLEDGER_URL": f"http://127.0.0.1:{free_port()}"} if problem == "unreachable" else {}
    if problem == "refused":
        settings = {"KEYLEDGER_ADMIN_KEY": org.key().secret}  # which has no grant
    found = findings(run("scan", str(tree), "--json", **settings))
    assert len(found) == 2
    for each in found:
        assert each["works"] is None
        assert each["explanation"].startswith("unknown: ")


def test_missing_settings_are_reported_before_the_scan(run: Run, tree: Path) -> None:
    leaked(tree, new_key())
    ran = run("scan", str(tree), KEYLEDGER_URL="")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert run("scan", str(tree), "--offline", KEYLEDGER_URL="").returncode == 1


def test_the_management_key_can_come_from_standard_input_if_the_scan_does_not(
    run: Run, org: Organization, tree: Path
) -> None:
    key = org.key()
    leaked(tree, key.secret)
    ran = run("scan", str(tree), "--key-file", "-", "--json", stdin=org.manager.secret, KEYLEDGER_ADMIN_KEY="")
    assert findings(ran)[0]["key_id"] == key.id
    assert run("scan", "-", "--key-file", "-", stdin=org.manager.secret).returncode == 2


def test_nothing_found_exits_with_0_and_asks_nothing(run: Run, tree: Path) -> None:
    (tree / "a").write_text("nothing")
    ran = run("scan", str(tree), KEYLEDGER_URL=f"http://127.0.0.1:{free_port()}")
    assert (ran.returncode, ran.stdout) == (0, "No key found (1 file, 0.0 MB).\n")
    assert run("scan", str(tree), "--json").stdout == ""
