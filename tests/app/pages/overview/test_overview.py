"""The overview: figures of today, what needs attention, what could be tighter, and the checklist."""

import re
from datetime import timedelta

import pytest

from domain.members.events import Role
from domain.members.roles import ROLES
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.ui.data import HARD_NAME


@pytest.fixture
def team(proxied_api: Api) -> Organization:
    return proxied_api.organization()


@pytest.fixture
def dashboard(proxied_api: Api, screen: Browser, team: Organization) -> Browser:
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, "admin").secret)
    return screen


def figures(text: str) -> dict[str, str]:
    """Return the values of the figures by their labels."""
    found = re.findall(r'figure-label">([^<]+)</span><span class="figure-value">([^<]+)<', text)
    return dict(found)


def test_the_figures_count_today_and_link_to_what_they_count(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    wiki = team.mcp()
    used = team.key(permissions={"mcps": [wiki]})
    for _ in range(3):
        team.verify(used.secret, mcp_id=wiki)
    team.verify(team.key(allowed_ips=["10.0.0.0/8"]).secret, ip="192.0.2.7")
    raise_alerts(proxied_api, alert_with(team.id, "usage.threshold"))
    count(proxied_api)
    text = dashboard.go("/").text
    assert figures(text) == {
        "Requests today": "3",
        "Refused today": "1",
        "Errors today": "0",
        "Keys": "3",
        "Open alerts": "1",
    }
    assert "25.0% · Address not permitted" in text
    assert "Requests, last 24 hours: 4 requests in 24 hours" in text
    assert any(link.startswith("/activity?status=denied&from=") for link in dashboard.links)
    assert {"/keys?status=active", "/alerts"} <= set(dashboard.links)


def test_alerts_and_used_keys_that_expire_need_attention_most_severe_first(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    (raised,) = raise_alerts(proxied_api, alert_with(team.id, "webhook.disabled", "critical", because="gone"))
    soon = (now() + timedelta(days=3, hours=1)).isoformat()
    used = team.key(name=HARD_NAME, expires_at=soon)
    team.key(name="Unused", expires_at=soon)
    team.verify(used.secret)
    count(proxied_api)
    text = dashboard.go("/").text
    assert text.index(f"/alerts/{raised}") < text.index(f"/keys/{used.id}")
    assert "&lt;b&gt;ops" in text
    assert "<b>ops" not in text
    assert "It expires in 3 days and was used just now." in text
    assert "Unused expires soon" not in text


def test_active_keys_that_are_not_used_could_be_tighter(team: Organization, dashboard: Browser) -> None:
    team.seeded_key(name="Old", at=now() - timedelta(days=120))
    text = dashboard.go("/").text
    assert "1 active key unused for 90 days" in text
    (link,) = [link for link in dashboard.links if "unused_for_days" in link]
    assert "Old" in dashboard.go(link).text


def test_a_new_organization_has_a_checklist_until_its_steps_are_taken(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    text = dashboard.go("/").text
    assert "Start here" in text
    assert text.count(", done</span>") == 1, "the organization has a key"
    team.mcp()
    assert dashboard.go("/").text.count(", done</span>") == 2
    team.verify(team.key().secret)
    count(proxied_api)
    assert "Start here" not in dashboard.go("/").text


def test_a_dismissed_checklist_does_not_return(dashboard: Browser) -> None:
    dashboard.go("/")
    dashboard.send(dashboard.form("/checklist/dismiss"))
    assert dashboard.path == "/"
    assert "Start here" not in dashboard.page.text
    assert "Start here" not in dashboard.go("/").text


@pytest.mark.parametrize("role", ROLES)
def test_each_role_sees_only_what_it_may_open(
    proxied_api: Api, team: Organization, screen: Browser, role: Role
) -> None:
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, role).secret)
    assert screen.go("/").status_code == 200
    for link in {link for link in screen.links if link.startswith("/")}:
        assert screen.go(link).status_code == 200, link


def test_a_visitor_is_sent_to_sign_in(screen: Browser) -> None:
    screen.go("/")
    assert screen.path == "/sign-in"
