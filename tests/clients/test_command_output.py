"""The content of what commands of `keyledger` print, and outputs that cannot be written."""

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import get_args

import pytest

from keyledger import Keyledger
from keyledger.cli.lists import show_list
from keyledger.cli.tables import Column
from keyledger.endpoints import alerts, audit, keys, mcps, members, usage, webhooks
from keyledger.methods import Items
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.clients.command import SOURCE, Ran, Run, run_command
from tests.clients.every_command import COMMANDS

_RFC_3339 = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def test_the_list_of_uses_shows_their_id_and_their_key(org: Organization, run: Run) -> None:
    key = org.key(name="Agent")
    event_id = org.verify(key.secret)["event_id"]
    titles, row = run("activity", "list", "--action", "verify").stdout.splitlines()
    assert titles.split()[:3] == ["ID", "WHEN", "KEY"]
    assert row.startswith(event_id)
    assert "Agent" in row
    of_key = run("keys", "activity", key.id, "--action", "verify").stdout.splitlines()
    assert (of_key[0].split()[:3], of_key[1].startswith(event_id)) == (["ID", "WHEN", "WHAT"], True)


@pytest.mark.parametrize("form", [True, False])
def test_a_page_is_printed_before_the_next_one_is_requested(capsys: pytest.CaptureFixture[str], form: bool) -> None:  # noqa: FBT001 -- a parameter of the test
    printed: list[str] = []

    def pages() -> Iterator[Sequence[str]]:
        for page in (["first"], [], ["second"], ["third", "fourth"]):
            yield page
            printed.append(capsys.readouterr().out)

    arguments = argparse.Namespace(json=form, limit=3)
    show_list(arguments, Items(pages()), [Column("NAME")], lambda name: (name,))
    assert ["first" in printed[0], "second" in printed[2]] == [True, True]
    last = capsys.readouterr().out
    assert ("third" in last, "fourth" in last) == (True, False)


def test_the_items_of_a_list_can_be_read_one_by_one_and_then_page_by_page() -> None:
    items = Items(iter([[1, 2, 3], [], [4]]))
    assert next(items) == 1
    assert [list(page) for page in items.pages()] == [[2, 3], [], [4]]
    assert list(Items(iter([[], [1], [2, 3]]))) == [1, 2, 3]
    with Keyledger("http://127.0.0.1", "x") as client:
        assert isinstance(client.activity.iterate(), Items), "without it, lists wait for 100 items"


def test_a_rotation_shows_the_end_of_the_old_secret(org: Organization, run: Run) -> None:
    key = org.key()
    default = run("keys", "rotate", key.id).stdout
    until = r"^old secret +works until the first use of the new one, at the latest until \d"
    assert re.search(until, default, re.MULTILINE)
    fixed = run("keys", "rotate", key.id, "--overlap-seconds", "3600").stdout
    assert re.search(rf"^old secret +works until {_RFC_3339}$", fixed, re.MULTILINE)
    assert re.search(
        r"^old secret +no longer works$", run("keys", "rotate", key.id, "--overlap-seconds", "0").stdout, re.MULTILINE
    )


def test_a_key_is_shown_with_its_secrets_and_its_revocation(org: Organization, run: Run) -> None:
    key = org.key(name="Agent")
    run("keys", "rotate", key.id, "--overlap-seconds", "3600")
    shown = run("keys", "get", key.id).stdout
    assert re.search(r"^SECRET +KEY +CREATED +LAST USED +WORKS$", shown, re.MULTILINE)
    assert re.search(r"^2 .* as long as the key$", shown, re.MULTILINE)
    assert re.search(rf"^1 .* until {_RFC_3339}$", shown, re.MULTILINE)
    assert "revoked " not in shown
    run("keys", "revoke", key.id, "--reason", "compromised", "--yes")
    assert re.search(r"^revoked +20.*, compromised$", run("keys", "get", key.id).stdout, re.MULTILINE)


def test_usage_is_shown_with_its_period_and_its_dates(api: Api, org: Organization, run: Run) -> None:
    org.verify(org.key().secret)
    count(api)
    shown = run("usage", "get", "--days", "7").stdout
    assert re.search(r"^days +20\d\d-\d\d-\d\d to 20\d\d-\d\d-\d\d$", shown, re.MULTILINE)
    assert re.search(r"^20\d\d-\d\d-\d\d +\d", shown, re.MULTILINE)
    hours = run("usage", "get", "--days", "1", "--bucket", "hour").stdout
    assert re.search(r"^20\d\d-\d\d-\d\dT\d\d:00:00Z +\d", hours, re.MULTILINE)
    tokyo = run("usage", "get", "--days", "1", "--bucket", "hour", "--time-zone", "Asia/Tokyo").stdout
    assert re.search(r"^20\d\d-\d\d-\d\dT\d\d:00:00\+09:00 +\d", tokyo, re.MULTILINE)
    assert re.search(r"^20\d\d-\d\d-\d\d +\d", run("usage", "history").stdout, re.MULTILINE)


def test_all_times_in_a_pipe_are_rfc_3339_in_utc(org: Organization, run: Run) -> None:
    key = org.key(name="Agent", expires_in_days=30)
    event_id = org.verify(key.secret)["event_id"]
    change = org.client.get("/v1/audit/events").data[0]["id"]
    hook = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
    for words in (
        ["keys", "list"],
        ["keys", "get", key.id],
        ["keys", "activity", key.id],
        ["activity", "get", event_id],
        ["audit", "list"],
        ["audit", "get", change],
        ["webhooks", "get", hook],
        ["keys", "revoke", key.id, "--yes"],
    ):
        shown = run(*words).stdout
        dates = re.findall(r"20\d\d-\d\d-\d\d\S*", shown)
        assert dates, words
        # The values that a rule compared are those of the JSON document, which have microseconds.
        assert all(re.fullmatch(_RFC_3339[:-1] + r"(\.\d+)?Z[.,]?", date) for date in dates), (words, dates)


def test_the_newest_entries_are_followed_even_if_they_are_more_than_a_page(api: Api, org: Organization) -> None:
    key = org.key()
    for _ in range(130):
        org.verify(key.secret)
    env = {**os.environ, "KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    words = ["keys", "activity", key.id, "--follow", "--json", "--limit", "125", "--action", "verify"]
    with subprocess.Popen([sys.executable, "-m", "keyledger", *words], env=env, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        ids = [json.loads(process.stdout.readline())["id"] for _ in range(125)]
        new = org.verify(key.secret)["event_id"]
        assert json.loads(process.stdout.readline())["id"] == new
        process.kill()
    assert ids == sorted(set(ids), key=ids.index)
    assert len(set(ids)) == 125


def _with_full_output(api: Api, org: Organization, *words: str) -> "Ran":
    env = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret, "PYTHONPATH": str(SOURCE)}
    with open("/dev/full", "wb") as full:  # noqa: PTH123 -- a device
        return subprocess.run(
            [sys.executable, "-m", "keyledger", *words],
            env={**os.environ, **env},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )


@pytest.mark.parametrize("form", [("--secret-only",), ("--json",), ()])
def test_a_secret_that_cannot_be_printed_is_reported_with_the_remedy(
    api: Api, org: Organization, form: tuple[str, ...]
) -> None:
    ran = _with_full_output(api, org, "keys", "create", "Agent", "--all-mcps", *form)
    key_id = org.client.get("/v1/api-keys").data[0]["id"]
    assert ran.returncode == 8
    assert ran.stderr.count("\n") == 1
    assert "The secret is lost" in ran.stderr
    assert f"keyledger keys rotate {key_id} --overlap-seconds 0" in ran.stderr
    rotated = _with_full_output(api, org, "keys", "rotate", key_id, *form)
    assert (rotated.returncode, f"keyledger keys rotate {key_id}" in rotated.stderr) == (8, True)


def test_a_list_that_cannot_be_printed_is_an_error(api: Api, org: Organization) -> None:
    ran = _with_full_output(api, org, "keys", "list")
    assert (ran.returncode, ran.stderr.count("\n")) == (8, 1)
    assert "The output cannot be written" in ran.stderr


def test_the_health_of_the_service_needs_no_key(api: Api) -> None:
    env = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": "", "HOME": "/nonexistent", "XDG_CONFIG_HOME": ""}
    assert "status" in run_command("health", env=env).stdout


def test_ids_and_options_of_a_revocation_can_stand_in_any_order(org: Organization, run: Run) -> None:
    first, second, third = (org.key().id for _ in range(3))
    for words in (
        [first, "--reason", "superseded", second, "--dry-run", third, "--json"],
        ["--reason", "superseded", "--dry-run", "--json", first, second, third],
        ["--json", first, second, third, "--dry-run", "--reason=superseded"],
    ):
        shown = run("keys", "revoke-many", *words)
        assert shown.returncode == 0, shown.stderr
        assert json.loads(shown.stdout)["matched"] == 3
    assert run("keys", "revoke-many", first, "--dry-run").returncode == 2


def test_the_values_of_an_option_are_those_of_the_client() -> None:
    values = {
        "keys list --status": keys.Status,
        "keys list --sort": keys.Sort,
        "keys create --environment": keys.Environment,
        "keys revoke --reason": keys.Reason,
        "activity list --status": keys.Outcome,
        "activity list --action": keys.Action,
        "mcps create --auth-type": mcps.AuthType,
        "mcps list --status": mcps.McpStatusFilter,
        "mcps list --health": mcps.Health,
        "members update --role": members.Role,
        "alerts list --severity": alerts.Severity,
        "audit export --format": audit.Format,
        "usage get --bucket": usage.Bucket,
        "webhooks create --kind": webhooks.Kind,
        "webhooks deliveries --status": webhooks.DeliveryStatus,
    }
    for words, literal in values.items():
        *command, option = words.split()
        actions = COMMANDS[tuple(command)]._option_string_actions
        assert actions[option].choices == get_args(literal), words
