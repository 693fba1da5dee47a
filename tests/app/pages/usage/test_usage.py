"""The page of usage: a period, its figures, charts and tables, and the plan."""

import pytest

from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, person
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
    if days <= 30:
        assert "/activity?status=denied&reason=ip_not_permitted" in dashboard.links
        assert "Refusals by reason: 1 refusal in" in text
    else:
        assert "Choose a shorter period" in text


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
