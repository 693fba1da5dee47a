"""The overview: figures of today, what needs attention, what could be tighter, and the checklist."""

import re
from datetime import timedelta

import pytest

from domain.keys.permissions import Permissions
from domain.members.events import Role
from domain.members.roles import ROLES
from infrastructure.clock import now
from tests.app import recorded_uses
from tests.app.api.usage.usage_data import count, record
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.projections.usage.uses import used
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


def test_an_old_secret_in_use_whose_overlap_ends_needs_attention(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    used, unused, later = (team.key(name=name) for name in ("Used", "Unused", "Later"))
    for key, seconds in ((used, 3_600), (unused, 3_600), (later, 5 * 86_400)):
        team.client.post(f"{key.path}/rotate", {"overlap_seconds": seconds})
    team.verify(used.secret)
    team.verify(later.secret)
    count(proxied_api)
    text = dashboard.go("/").text
    assert "The old secret of Used is still in use" in text
    assert "and was last used just now." in text
    assert f"/keys/{used.id}/rotate" in dashboard.links
    assert not {f"/keys/{key.id}/rotate" for key in (unused, later)} & set(dashboard.links)


def test_a_server_that_does_not_respond_needs_attention(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    broken, paused = team.mcp(name="Broken"), team.mcp(name="Paused")
    team.client.patch(f"/v1/mcps/{paused}", {"status": "inactive"})
    team.mcp(name="Healthy")
    for mcp_id in (broken, paused):
        proxied_api.database.rows("update mcp_health set health = 'unhealthy' where mcp_id = %s", mcp_id)
    text = dashboard.go("/").text
    assert "Broken doesn&#39;t respond" in text
    assert f"/mcps/{broken}/test" in dashboard.links
    assert "Paused" not in text
    assert "Healthy" not in text


def test_the_most_severe_of_many_are_shown_first(proxied_api: Api, team: Organization, dashboard: Browser) -> None:
    raise_alerts(proxied_api, alert_with(team.id, "webhook.disabled", "critical", because="gone"))
    raise_alerts(proxied_api, *[alert_with(team.id, "usage.threshold", "warning") for _ in range(9)])
    text = dashboard.go("/").text
    items = re.findall(r"<li><p class=\"heading-line\"><span class=\"badge.*?</li>", text, re.DOTALL)
    assert len(items) == 8
    assert "Critical" in items[0]


def test_what_could_be_tighter_is_counted_and_links_to_its_keys(team: Organization, dashboard: Browser) -> None:
    team.verify(team.manager.secret)
    team.seeded_key(name="Old", at=now() - timedelta(days=120), permissions=Permissions(mcps="*"))
    team.key(name="Second manager", permissions={"manage": ["keys:write"]})
    text = dashboard.go("/").text
    for shown, name in (
        ("3 active keys never expire", "Old"),
        ("1 active key unused for 90 days", "Old"),
        ("1 active key never used, 7 days or more after creation", "Old"),
        ("2 active keys can change keys, from any IP address", "Second manager"),
    ):
        (link,) = re.findall(rf'<a href="([^"]+)">{shown}</a>', text)
        assert name in dashboard.go(link.replace("&amp;", "&")).text, shown
    (link,) = re.findall(r'<a href="([^"]+)">[^<]* all MCP servers</a>', text)
    assert "Old" in dashboard.go(link.replace("&amp;", "&")).text


def test_one_key_that_can_change_keys_is_not_mentioned(team: Organization, dashboard: Browser) -> None:
    team.verify(team.manager.secret)
    text = dashboard.go("/").text
    assert "Could be tighter" in text
    assert "from any IP address" not in text


def has_figures(text: str) -> bool:
    """Return whether the overview has its figures and the chart."""
    assert ("figure-label" in text) == ("<figure" in text)
    return "<figure" in text


def test_a_new_organization_has_a_checklist_instead_of_figures_until_the_first_use(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    text = dashboard.go("/").text
    assert "Start here" in text
    assert not has_figures(text)
    assert "Needs attention" not in text
    assert "Could be tighter" not in text
    assert text.count(", done</span>") == 1, "the organization has a key"
    assert "/mcps/new" in dashboard.links
    team.mcp()
    assert dashboard.go("/").text.count(", done</span>") == 2
    team.verify(team.key(allowed_ips=["10.0.0.0/8"]).secret, ip="192.0.2.7")
    assert "Start here" in dashboard.go("/").text
    count(proxied_api)
    text = dashboard.go("/").text
    assert "Start here" not in text
    assert has_figures(text)


def test_the_first_accepted_use_ends_the_checklist_before_it_is_counted(team: Organization, dashboard: Browser) -> None:
    assert "Start here" in dashboard.go("/").text
    team.verify(team.key().secret)
    assert "Start here" not in dashboard.go("/").text


def test_an_organization_that_was_used_long_ago_is_not_new(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    at = now() - timedelta(days=100)
    record(proxied_api, at, [used(team.key().id, at, organization_id=team.id)])
    count(proxied_api)
    text = dashboard.go("/").text
    assert "Start here" not in text
    assert has_figures(text)


def test_what_needs_attention_is_shown_with_the_checklist(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    raise_alerts(proxied_api, alert_with(team.id, "webhook.disabled", "critical", because="gone"))
    text = dashboard.go("/").text
    assert "Start here" in text
    assert "Needs attention" in text
    assert not has_figures(text)


def test_a_dismissed_checklist_does_not_return(dashboard: Browser) -> None:
    dashboard.go("/")
    dashboard.send(dashboard.form("/checklist/dismiss"))
    assert dashboard.path == "/"
    assert "Start here" not in dashboard.page.text
    assert has_figures(dashboard.page.text)
    assert "Start here" not in dashboard.go("/").text


def test_a_person_dismisses_the_checklist_for_themselves_only(
    proxied_api: Api, team: Organization, screen: Browser
) -> None:
    first, second = person(proxied_api, team.id, "owner"), person(proxied_api, team.id, "admin")
    for signed_in in (first, second):
        screen.keep_cookie(COOKIE, signed_in.secret)
        assert "Start here" in screen.go("/").text
        screen.send(screen.form("/checklist/dismiss"))
        assert "Start here" not in screen.page.text
    screen.keep_cookie(COOKIE, first.secret)
    assert "Start here" not in screen.go("/").text


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


@pytest.mark.parametrize(("counts", "usual"), [((4, 10, 6, 9), "8"), ((4, 10, 7), "7"), ((3,), "3")])
def test_the_requests_of_today_are_compared_with_the_median_of_the_same_weekday(
    proxied_api: Api, team: Organization, dashboard: Browser, counts: tuple[int, ...], usual: str
) -> None:
    key, at = team.key(), now()
    for week, requests in enumerate(counts, start=1):
        used_at = at - timedelta(weeks=week)
        recorded_uses.record(team, used_at, recorded_uses.uses(team, key, requests, used_at))
    for days in (1, 6, 8, 35):  # another weekday, or too long ago
        used_at = at - timedelta(days=days)
        recorded_uses.record(team, used_at, recorded_uses.uses(team, key, 50, used_at))
    team.verify(key.secret)
    count(proxied_api)
    text = dashboard.go("/").text
    assert figures(text)["Requests today"] == "1"
    assert f'<span class="figure-note">Usual {at:%A}: {usual}</span>' in text


def test_without_an_earlier_week_there_is_nothing_to_compare_with(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    key, yesterday = team.key(), now() - timedelta(days=1)
    recorded_uses.record(team, yesterday, recorded_uses.uses(team, key, 5, yesterday))
    team.verify(key.secret)
    count(proxied_api)
    text = dashboard.go("/").text
    assert "Usual" not in text
    assert '<span class="figure-note">UTC day</span>' in text
