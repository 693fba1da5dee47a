"""The page of usage: a period, its figures, charts and tables, and the plan."""

import re
from datetime import timedelta

import pytest

from domain.usage.events import Code
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count, record
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, person
from tests.projections.usage.uses import used
from tests.ui.data import HARD_NAME


@pytest.fixture
def team(proxied_api: Api) -> Organization:
    return proxied_api.organization("pro")


@pytest.fixture
def dashboard(proxied_api: Api, screen: Browser, team: Organization) -> Browser:
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, "admin").secret)
    return screen


@pytest.mark.parametrize("days", [1, 7, 30, 90])
def test_each_period_shows_its_uses_by_server_key_and_reason(
    proxied_api: Api, team: Organization, dashboard: Browser, days: int
) -> None:
    wiki = team.mcp(name="Wiki <i>")
    used = team.key(name=HARD_NAME, permissions={"mcps": [wiki]})
    for _ in range(3):
        team.verify(used.secret, mcp_id=wiki)
    team.verify(team.key(allowed_ips=["10.0.0.0/8"]).secret, ip="192.0.2.7")
    count(proxied_api)
    text = dashboard.go(f"/usage?days={days}").text
    assert f'href="/usage?days={days}" aria-current="page"' in text
    assert '<span class="figure-value">3</span>' in text
    assert "25.0% of all uses" in text
    assert "Wiki &lt;i&gt;" in text
    assert "&lt;b&gt;ops" in text
    assert f"/keys/{used.id}" in dashboard.links
    assert f"/activity?mcp_id={wiki}" in dashboard.links
    assert "3 of 50,000 live requests" in text
    assert "Requests: 4 requests in" in text
    assert "/activity?status=denied&reason=ip_not_permitted" in dashboard.links
    assert "Refusals by reason: 1 refusal in" in text
    assert ("Choose a shorter period to see latencies." in text) == (days == 90)
    assert ("Latency, p50" in text) == (days < 90)


def test_the_refusals_of_a_quarter_are_those_of_its_days(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    key = team.key()
    refused: dict[int, list[Code]] = {
        2: ["rate_limited"] * 3,
        60: ["rate_limited", "revoked_key"],
        89: ["expired_key"],
    }
    for days_ago, codes in refused.items():
        at = now() - timedelta(days=days_ago)
        record(proxied_api, at, [used(key.id, at, organization_id=team.id, code=code) for code in codes])
    count(proxied_api)
    text = dashboard.go("/usage?days=90").text
    assert "Refusals by reason: 6 refusals in 90 days" in text
    table = text[text.index('aria-label="Refusals by reason as a table"') :]
    for days_ago, total in ((2, 3), (60, 2), (89, 1)):
        day = now() - timedelta(days=days_ago)
        row = re.search(rf'<tr><th scope="row">{day.day} {day:%b}</th>(.*?)</tr>', table)
        assert row is not None
        assert row[1].endswith(f"<td>{total}</td>")


def test_a_period_without_uses_says_so(dashboard: Browser) -> None:
    text = dashboard.go("/usage").text
    assert "No requests in this period." in text
    assert "Nothing was refused in this period." in text
    assert 'href="/usage?days=30" aria-current="page"' in text


def test_another_period_is_refused(dashboard: Browser) -> None:
    assert dashboard.go("/usage?days=2").status_code == 422
    assert "Must be 1, 7, 30 or 90" in dashboard.page.text


def test_a_viewer_sees_the_sums_without_keys_and_links(proxied_api: Api, team: Organization, screen: Browser) -> None:
    key = team.key(name="Secret project")
    team.verify(key.secret)
    count(proxied_api)
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, "viewer").secret)
    text = screen.go("/usage?days=1").text
    assert '<span class="figure-value">1</span>' in text
    assert "Secret project" not in text
    assert "Your role doesn&#39;t see keys." in text
    assert not [link for link in screen.links if link.startswith(("/keys", "/activity"))]
