"""One decision on its page: calls with their ends, the caller, and a record that the rules do not lead to."""

import html
import re

import pytest

from domain.usage.events import CallCompleted, CallStatus, KeyUsed
from infrastructure.clock import new_event_id, now
from tests.app import recorded_uses
from tests.app.api.mcp.conftest import Upstream, start_upstream, upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.browser import Browser
from tests.app.organizations import Api, Key, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import person
from tests.ui.data import HARD_NAME

__all__ = ["start_upstream", "upstream"]

ALARM = "The rules, evaluated again, lead to another result than the recorded one."


@pytest.fixture
def dashboard(open_as: OpenAs, api: Api, org: Organization) -> Browser:
    return open_as(person(api, org.id, "auditor"))


def recorded(org: Organization, key: Key, **fields: object) -> KeyUsed:
    """Write a use to the log, whatever decided it."""
    at = now()
    (use,) = recorded_uses.uses(org, key, 1, at, **fields)
    recorded_uses.record(org, at, [use])
    return use


def ended(org: Organization, call: KeyUsed, status: CallStatus, error: str | None = None) -> str:
    """Write the end of a call to the log, and return its id."""
    assert call.key_id
    assert call.mcp_id
    assert call.tool
    end = CallCompleted(
        id=new_event_id(),
        occurred_at=now(),
        call_id=call.id,
        organization_id=org.id,
        key_id=call.key_id,
        mcp_id=call.mcp_id,
        tool=call.tool,
        status=status,
        latency_ms=1_234,
        response_bytes=56_789,
        error=error,
    )
    recorded_uses.record(org, end.occurred_at, [end])
    return end.id


def details(dashboard: Browser) -> dict[str, str]:
    """Return the list of details of the page."""
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>(.*?)</dd>", dashboard.page.text, re.DOTALL)
    return {name: html.unescape(" ".join(re.sub(r"<[^>]+>", "", value).split())) for name, value in found}


@pytest.mark.parametrize("code", ["valid", "tool_not_permitted", "revoked_key"])
def test_a_record_that_the_rules_do_not_lead_to_raises_an_alarm(
    org: Organization, dashboard: Browser, code: str
) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    use = recorded(org, key, code=code, ip="192.0.2.7")
    text = dashboard.go(f"/activity/{use.id}").text
    assert '<div class="notice notice-danger">' in text
    assert ALARM in text
    assert ("Accepted on" if code == "valid" else "Refused on") in text, "the page shows what was recorded"
    assert "isn&#39;t on the key" not in text, "the reason is the recorded one"


def test_a_record_that_the_rules_lead_to_raises_no_alarm(org: Organization, dashboard: Browser) -> None:
    key = org.key(allowed_ips=["10.0.0.0/8"])
    for use in (
        recorded(org, key, code="ip_not_permitted", ip="192.0.2.7"),
        recorded(org, key, ip="10.0.0.1"),
        recorded(org, key, code="rate_limited", ip="10.0.0.1"),
    ):
        text = dashboard.go(f"/activity/{use.id}").text
        assert ALARM not in text
        assert "notice-danger" not in text


def test_a_call_shows_its_latency_and_the_answer_of_the_server(
    org: Organization, dashboard: Browser, upstream: Upstream
) -> None:
    calls = Calls(org, upstream.url, {"name": HARD_NAME}, {"name": "Agent"})
    assert calls.add(1) == 2
    (use,) = calls.uses()
    text = " ".join(dashboard.go(f"/activity/{use['id']}").text.split())
    shown = details(dashboard)
    assert re.search(rf"every rule passed, and the call succeeded in {use['latency_ms']:,} ms\.", text)
    assert re.fullmatch(rf"Succeeded, {use['latency_ms']:,} ms, [\d,]+ bytes", shown["Call"])
    assert (shown["Use"], shown["MCP server"], shown["Tool"]) == ("Call", HARD_NAME, "add")
    assert shown["Key"] == "Agent, version 1 of the secret"


@pytest.mark.parametrize(
    ("status", "error", "because", "call"),
    [
        ("success", None, "and the call succeeded in 1,234 ms.", "Succeeded, 1,234 ms, 56,789 bytes"),
        (
            "error",
            "mcp_timeout",
            "but the call failed after 1,234 ms: MCP timeout.",
            "Failed: MCP timeout, 1,234 ms, 56,789 bytes",
        ),
    ],
)
def test_the_end_of_a_call_is_found_by_both_of_its_ids(
    org: Organization, dashboard: Browser, status: CallStatus, error: str | None, because: str, call: str
) -> None:
    wiki = org.mcp(name="Wiki")
    key = org.key(permissions={"mcps": [wiki]})
    use = recorded(org, key, action="call", mcp_id=wiki, tool="get_page")
    assert "the call has no recorded end." in dashboard.go(f"/activity/{use.id}").text
    assert "Call" not in details(dashboard)
    for event_id in (use.id, ended(org, use, status, error)):
        assert f"every rule passed, {because}" in dashboard.go(f"/activity/{event_id}").text
        assert details(dashboard)["Call"] == call


def test_the_key_that_asked_is_named(org: Organization, dashboard: Browser) -> None:
    caller = org.key(name=HARD_NAME, permissions={"mcps": "*", "manage": ["keys:verify"]})
    verified = caller.client.post("/v1/api-keys/verify", {"key": org.key().secret}).data["event_id"]
    dashboard.go(f"/activity/{verified}")
    assert details(dashboard)["Use"] == f"Verified, asked by {HARD_NAME}"
    assert "<b>ops" not in dashboard.page.text
    key = org.key(permissions={"mcps": "*"})
    key.client.get(key.check_path)
    (checked,) = org.activity(key, action="check")
    dashboard.go(f"/activity/{checked['id']}")
    assert details(dashboard)["Use"] == "Checked"
