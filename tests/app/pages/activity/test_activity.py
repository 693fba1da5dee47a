"""The activity of all keys: the list, its filters, its tail, and one decision."""

import re
from collections.abc import Iterator
from typing import get_args

import httpx2
import pytest

from domain.usage.events import Denial
from tests.app.browser import Browser
from tests.app.conftest import StartedApis
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.people import COOKIE, person
from tests.ui.data import HARD_NAME


@pytest.fixture(scope="module")
def proxied_api(started_apis: StartedApis) -> Iterator[Api]:
    """A server of this file only: a page of activity is complete as long as the hour has few uses."""
    with started_apis() as start:
        yield start(KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8")


@pytest.fixture
def team(proxied_api: Api) -> Organization:
    return proxied_api.organization()


@pytest.fixture
def dashboard(proxied_api: Api, screen: Browser, team: Organization) -> Browser:
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, "auditor").secret)
    return screen


def shown_ids(text: str) -> list[str]:
    """Return the ids of the uses that a page shows, in order."""
    return re.findall(r'<tr role="row" id="(evt_\w+)"', text)


def tail_of(dashboard: Browser) -> tuple[str, str]:
    """Return the address of the tail and its place."""
    found = re.search(r'data-tail="([^"]+)" data-after="([^"]+)"', dashboard.page.text)
    assert found is not None
    return found[1].replace("&amp;", "&"), found[2]


def follow(api: Api, dashboard: Browser, tail: str, after: str) -> httpx2.Response:
    """Request the rows after a place, as the script does."""
    headers = {"Cookie": f"{COOKIE}={dashboard.cookies[COOKIE]}", "HX-Request": "true"}
    return httpx2.get(f"{api.url}{tail}&after={after}", headers=headers, timeout=30)


def test_uses_of_all_keys_are_listed_and_filtered(team: Organization, dashboard: Browser) -> None:
    wiki = team.mcp(name="Wiki <i>")
    first, second = team.key(name=HARD_NAME), team.key(name="Agent", permissions={"mcps": [wiki]})
    accepted = team.verify(first.secret)["event_id"]
    refused = team.verify(first.secret, mcp_id=wiki)["event_id"]
    other = team.verify(second.secret, mcp_id=wiki)["event_id"]
    text = dashboard.go("/activity?action=verify").text
    assert shown_ids(text) == [other, refused, accepted]
    assert "&lt;b&gt;ops" in text
    assert "<b>ops" not in text
    assert "Wiki &lt;i&gt;" in text
    assert f'href="/keys/{second.id}"' in text
    assert f"/activity/{refused}" in dashboard.links
    assert shown_ids(dashboard.go("/activity?status=denied").text) == [refused]
    assert "Outcome: Refused" in dashboard.page.text
    assert shown_ids(dashboard.go(f"/activity?mcp_id={wiki}&status=success&action=verify").text) == [other]
    assert shown_ids(dashboard.go("/activity?tool=none").text) == []
    assert "No matches." in dashboard.page.text
    assert "data-tail=" not in dashboard.go("/activity?to=2026-01-01T00:00").text


def test_every_reason_of_a_refusal_can_be_chosen_for_all_keys_and_for_one(
    team: Organization, dashboard: Browser
) -> None:
    for path in ("/activity", f"/keys/{team.key().id}/activity"):
        reasons = re.search(r'<select[^>]*name="reason".*?</select>', dashboard.go(path).text, re.DOTALL)
        assert reasons is not None
        assert set(re.findall(r'value="(\w+)"', reasons[0])) == set(get_args(Denial)), path


def test_an_organization_without_uses_is_told_what_appears_here(dashboard: Browser) -> None:
    assert "No key has been used yet." in dashboard.go("/activity").text


@pytest.mark.parametrize(("name", "value"), [("ip", "here"), ("from", "yesterday")])
def test_a_filter_that_cannot_be_read_is_kept_with_a_message(dashboard: Browser, name: str, value: str) -> None:
    assert dashboard.go(f"/activity?{name}={value}&tool=add").status_code == 422
    assert f'id="{name}-error"' in dashboard.page.text
    assert f'value="{value}"' in dashboard.page.text
    assert 'value="add"' in dashboard.page.text


def test_the_tail_returns_new_uses_with_the_filters_of_the_page(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    key = team.key(name="Agent")
    team.verify(key.secret)
    dashboard.go("/activity?status=denied")
    tail, after = tail_of(dashboard)
    nothing = follow(proxied_api, dashboard, tail, after)
    assert nothing.status_code == 204
    team.verify(key.secret)
    refused = team.verify(unknown_secret())["event_id"]
    new = follow(proxied_api, dashboard, tail, nothing.headers["tail-after"])
    assert new.status_code == 200
    assert shown_ids(new.text) == [refused]
    assert "Unknown key" in new.text
    assert follow(proxied_api, dashboard, tail, new.headers["tail-after"]).status_code == 204


def test_a_tail_ends_with_the_session(proxied_api: Api, team: Organization) -> None:
    auditor = person(proxied_api, team.id, "auditor")
    auditor.client.delete("/v1/session")
    headers = {"Cookie": f"{COOKIE}={auditor.secret}", "HX-Request": "true"}
    assert httpx2.get(f"{proxied_api.url}/activity/tail?after=any", headers=headers).status_code == 401


def test_a_decision_shows_the_rule_the_value_and_the_change(team: Organization, dashboard: Browser) -> None:
    key = team.key(name="Agent")
    team.client.patch(key.path, {"allowed_ips": ["10.0.0.0/8"]})
    refused = team.verify(key.secret, ip="192.0.2.7")["event_id"]
    team.client.patch(key.path, {"allowed_ips": []})
    text = dashboard.go(f"/activity/{refused}").text
    assert re.search(r"Refused on <time[^>]*>[^<]*UTC</time>: IP address 192.0.2.7 isn&#39;t on the key", text)
    assert "192.0.2.7; allowed: 10.0.0.0/8" in text
    assert text.count('class="rule rule-danger"') == 1
    assert "Decided by revision 2" in text
    assert "by Manager on" in text
    assert "With the current revision (3), the same use would be accepted now" in text
    assert f'href="/keys/{key.id}">Agent</a>' in text
    (change,) = [link for link in dashboard.links if link.startswith("/audit/")]
    assert "Manager" in dashboard.go(change).text
    assert "api_key.details_changed" in dashboard.page.text or "api_key.permissions_changed" in dashboard.page.text


def test_an_accepted_use_passed_every_rule_and_an_unknown_secret_belongs_to_no_key(
    team: Organization, dashboard: Browser
) -> None:
    key = team.key()
    accepted = team.verify(key.secret)["event_id"]
    text = dashboard.go(f"/activity/{accepted}").text
    assert "every rule passed." in text
    assert "rule-danger" not in text
    unknown = team.verify(unknown_secret())["event_id"]
    text = dashboard.go(f"/activity/{unknown}").text
    assert "no key has this secret." in text
    assert "No key has this secret" in text
    assert "With the current revision" not in text


def test_a_use_of_another_organization_does_not_exist(proxied_api: Api, dashboard: Browser) -> None:
    other = proxied_api.organization()
    foreign = other.verify(other.key().secret)["event_id"]
    assert dashboard.go(f"/activity/{foreign}").status_code == 404
    assert foreign not in dashboard.go("/activity").text
