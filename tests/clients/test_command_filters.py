"""Filters of `keyledger keys list`, `alerts …` and `audit …`, which are those of the API."""

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from domain.keys.permissions import Permissions
from infrastructure.clock import now
from tests.app.organizations import Api, Organization
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.clients.command import Run, lines_of

_DOCUMENT = json.loads((Path(__file__).parents[2] / "docs/openapi.json").read_text("utf-8"))
_OTHER_NAMES = {"mcp_id": "--mcp", "key_id": "--key", "q": "--search"}
_NO_FILTERS = {"page", "cursor", "per_page", "usage_days"}


def listed(run: Run, *arguments: str) -> list[Any]:
    """Return what a command lists."""
    return lines_of(run(*arguments, "--json"))


@pytest.mark.parametrize(
    ("command", "path"),
    [
        (("keys", "list"), "/v1/api-keys"),
        (("alerts", "list"), "/v1/alerts"),
        (("audit", "list"), "/v1/audit/events"),
        (("audit", "export"), "/v1/audit/export"),
    ],
)
def test_every_filter_of_the_api_is_an_option_with_help(run: Run, command: tuple[str, ...], path: str) -> None:
    shown = " ".join(run(*command, "--help").stdout.split())
    for parameter in _DOCUMENT["paths"][path]["get"]["parameters"]:
        if parameter["in"] == "query" and parameter["name"] not in _NO_FILTERS:
            name = parameter["name"]
            option = _OTHER_NAMES.get(name, f"--{name.replace('_', '-')}")
            assert re.search(rf" {option} (\{{[^}}]+\}}|[A-Z]+) [a-z]", shown), option


@pytest.fixture(scope="module")
def keys(api: Api) -> Organization:
    """An organization with keys that differ in every field that can be filtered."""
    org = api.organization()
    at = now()
    org.seeded_key(name="Old", at=at - timedelta(days=120), permissions=Permissions(mcps="*"))
    org.seeded_key(name="Soon", environment="test", expires_at=at + timedelta(days=5))
    org.key(name="Manager", permissions={"manage": ["keys:write"]}, expires_in_days=300)
    rotated = org.key(name="Rotated", expires_in_days=300)
    org.client.post(f"{rotated.path}/rotate", {"overlap_seconds": 3_600})
    return org


@pytest.mark.parametrize(
    "query",
    [
        {"environment": "test"},
        {"expiring_within_days": "14"},
        {"unused_for_days": "90"},
        {"never_used_for_days": "7"},
        {"expires": "never"},
        {"mcp_access": "all"},
        {"rotation_ends_within_days": "1"},
        {"open_grant": "keys:write"},
        {"sort": "name", "order": "desc"},
        {"status": "active", "expires": "never", "never_used_for_days": "7"},
    ],
    ids="-".join,
)
def test_keys_are_filtered_and_sorted_as_in_the_api(keys: Organization, run: Run, query: dict[str, str]) -> None:
    options = [part for name, value in query.items() for part in (f"--{name.replace('_', '-')}", value)]
    found = lines_of(run("keys", "list", *options, "--json", KEYLEDGER_ADMIN_KEY=keys.manager.secret))
    expected = [key["id"] for key in keys.client.get("/v1/api-keys", {**query, "per_page": 100}).data]
    assert [key["id"] for key in found] == expected
    everything = keys.client.get("/v1/api-keys").data
    assert expected
    assert expected != [key["id"] for key in everything], "the filter has no effect"


def test_keys_are_filtered_by_their_creator(org: Organization, run: Run) -> None:
    made = org.key(name="Made by the manager")
    assert [key["id"] for key in listed(run, "keys", "list", "--created-by", org.manager.id)] == [made.id]
    assert listed(run, "keys", "list", "--created-by", made.id) == []


def test_alerts_are_listed_shown_and_acknowledged(api: Api, org: Organization, run: Run) -> None:
    key = org.key(name="Agent")
    expiring, disabled = raise_alerts(
        api,
        alert_with(org.id, "api_key.expiring", "warning", key.id, days=7),
        alert_with(org.id, "webhook.disabled", "critical", because="gone"),
    )
    assert [alert["id"] for alert in listed(run, "alerts", "list")] == [disabled, expiring]
    for options, found in (
        (("--severity", "critical"), [disabled]),
        (("--type", "api_key.expiring"), [expiring]),
        (("--key", key.id), [expiring]),
        (("--limit", "1"), [disabled]),
        (("--status", "acknowledged"), []),
    ):
        assert [alert["id"] for alert in listed(run, "alerts", "list", *options)] == found, options
    titles, line = run("alerts", "list", "--key", key.id).stdout.splitlines()
    assert titles.split() == ["ID", "WHEN", "SEVERITY", "TYPE", "STATUS", "KEY"]
    assert line.split()[-4:] == ["warning", "api_key.expiring", "open", "Agent"]
    shown = run("alerts", "get", expiring).stdout
    assert re.search(rf"^key +Agent {key.id}$", shown, re.MULTILINE)
    assert re.search(r"^days +7$", shown, re.MULTILINE)
    assert run("alerts", "acknowledge", expiring).stdout == f"{expiring} is acknowledged.\n"
    assert json.loads(run("alerts", "acknowledge", expiring, "--json").stdout)["status"] == "acknowledged"
    assert re.search(r"^acknowledged +.* by ", run("alerts", "get", expiring).stdout, re.MULTILINE)
    assert [alert["id"] for alert in listed(run, "alerts", "list", "--status", "open")] == [disabled]


def test_an_unknown_alert_is_refused(run: Run) -> None:
    for verb in ("get", "acknowledge"):
        refused = run("alerts", verb, "alert_unknown")
        assert (refused.returncode, "not_found" in refused.stderr) == (5, True)


def test_changes_are_listed_and_shown(org: Organization, run: Run) -> None:
    key, other = org.key(name="Agent"), org.key(name="Other")
    org.client.post(f"{key.path}/revoke", {"reason": "compromised"})
    (revoked,) = listed(run, "audit", "list", "--type", "api_key.revoked")
    assert revoked["resource"]["id"] == key.id
    for options in (("--key", key.id), ("--resource", key.id)):
        assert [event["event"] for event in listed(run, "audit", "list", *options)] == [
            "api_key.revoked",
            "api_key.created",
        ]
    assert {event["actor"]["id"] for event in listed(run, "audit", "list", "--actor", org.manager.id)} == {
        org.manager.id
    }
    assert listed(run, "audit", "list", "--ip", "192.0.2.99") == []
    assert len(listed(run, "audit", "list", "--limit", "1")) == 1
    titles, line = run("audit", "list", "--resource", other.id).stdout.splitlines()
    assert titles.split() == ["ID", "WHEN", "EVENT", "ACTOR", "RESOURCE", "FROM"]
    assert "Other" in line
    shown = run("audit", "get", revoked["id"]).stdout
    for name, value in (("event", "api_key.revoked"), ("reason", "compromised"), ("hash", revoked["hash"])):
        assert re.search(rf"^{name} +{value}$", shown, re.MULTILINE), name
    assert json.loads(run("audit", "get", revoked["id"], "--json").stdout) == revoked


def test_a_period_starts_at_from_and_ends_before_to(org: Organization, run: Run) -> None:
    first, second = org.key(), org.key()
    one, two = (listed(run, "audit", "list", "--resource", key.id)[0]["timestamp"] for key in (first, second))
    found = listed(run, "audit", "list", "--from", one, "--to", two)
    assert {event["resource"]["id"] for event in found} == {first.id}
    today, tomorrow = f"{now():%Y-%m-%d}", f"{now() + timedelta(days=1):%Y-%m-%d}"
    assert len(listed(run, "audit", "list", "--from", today, "--to", tomorrow, "--limit", "100")) >= 2
    assert listed(run, "audit", "list", "--from", tomorrow) == []
