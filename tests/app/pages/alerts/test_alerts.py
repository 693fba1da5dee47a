"""The pages of alerts: the list, one alert, and acknowledging it."""

import re
from typing import Any

import pytest

from domain.alerts.events import AlertType
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.ui.data import HARD_NAME


@pytest.fixture
def team(proxied_api: Api) -> Organization:
    return proxied_api.organization()


@pytest.fixture
def admin(proxied_api: Api, team: Organization) -> Person:
    return person(proxied_api, team.id, "admin")


@pytest.fixture
def dashboard(screen: Browser, admin: Person) -> Browser:
    screen.keep_cookie(COOKIE, admin.secret)
    return screen


def shown_ids(dashboard: Browser, address: str) -> list[str]:
    """Return the ids of the alerts that a page of the list shows, in order."""
    assert dashboard.go(address).status_code == 200
    return re.findall(r'class="row-name" href="/alerts/(\w+)"', dashboard.page.text)


def open_count(dashboard: Browser) -> str | None:
    """Return the number next to the entry of the sidebar."""
    found = re.search(r'href="/alerts"[^>]*>.*?</a>', dashboard.page.text)
    assert found is not None
    count = re.search(r'class="[\w -]*nav-count">([\d,]+)<', found[0])
    return None if count is None else count[1]


def test_the_list_shows_open_alerts_and_others_on_request(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    first, second, third = raise_alerts(
        proxied_api,
        alert_with(team.id, "api_key.expiring", "info", team.manager.id, days=7),
        alert_with(team.id, "usage.threshold", "critical"),
        alert_with(team.id, "api_key.denied_burst", "warning", team.manager.id),
    )
    team.client.post(f"/v1/alerts/{second}/acknowledge")
    assert shown_ids(dashboard, "/alerts") == [third, first]
    assert open_count(dashboard) == "2"
    assert shown_ids(dashboard, "/alerts?status=acknowledged") == [second]
    assert shown_ids(dashboard, "/alerts?status=all") == [third, second, first]
    assert shown_ids(dashboard, "/alerts?severity=info") == [first]
    assert shown_ids(dashboard, "/alerts?type=api_key.denied_burst&severity=") == [third]
    assert shown_ids(dashboard, f"/alerts?status=all&key_id={team.manager.id}") == [third, first]
    assert "Key: Manager" in dashboard.page.text
    assert shown_ids(dashboard, "/alerts?severity=critical") == []
    assert "No alerts match." in dashboard.page.text
    assert dashboard.go("/alerts?severity=severe").status_code == 422


def test_the_list_is_paged(proxied_api: Api, team: Organization, dashboard: Browser) -> None:
    raised = raise_alerts(proxied_api, *[alert_with(team.id, "usage.threshold") for _ in range(26)])
    assert shown_ids(dashboard, "/alerts") == raised[:0:-1]
    assert "26 alerts" in dashboard.page.text
    (older,) = [link for link in dashboard.links if "cursor=" in link]
    assert shown_ids(dashboard, older) == raised[:1]
    assert "/alerts" in re.findall(r'rel="first" href="([^"]*)"', dashboard.page.text)


def test_an_organization_without_alerts_has_nothing_to_do(dashboard: Browser) -> None:
    dashboard.go("/alerts")
    assert "Nothing needs your attention." in dashboard.page.text
    assert open_count(dashboard) is None
    dashboard.go("/alerts?status=acknowledged")
    assert "No alert has been acknowledged yet." in dashboard.page.text


def test_an_alert_shows_what_happened_the_rule_and_the_key(
    proxied_api: Api, team: Organization, dashboard: Browser
) -> None:
    key = team.key(name=HARD_NAME)
    (raised,) = raise_alerts(
        proxied_api,
        alert_with(
            team.id,
            "api_key.denied_burst",
            key_id=key.id,
            rule="denied",
            denied=25,
            most_frequent_reason="ip_not_permitted",
            minutes=5,
            limit=20,
            at="2026-11-28T14:00:00Z",
        ),
    )
    text = dashboard.go(f"/alerts/{raised}").text
    assert f'<a href="/keys/{key.id}">&lt;b&gt;ops' in text
    assert "<b>ops" not in text
    assert "was refused 25 times within 5 minutes" in text
    assert "Refusals: 20 or more of one key within 5 minutes." in text
    assert "Warning" in text


def test_an_alert_is_acknowledged_from_the_list_and_from_its_page(
    proxied_api: Api, team: Organization, admin: Person, dashboard: Browser
) -> None:
    first, second = raise_alerts(
        proxied_api, alert_with(team.id, "usage.threshold"), alert_with(team.id, "webhook.disabled")
    )
    dashboard.go("/alerts")
    dashboard.send(dashboard.form(f"/alerts/{first}/acknowledge"))
    assert dashboard.path == "/alerts"
    assert "The alert is acknowledged." in dashboard.page.text
    assert open_count(dashboard) == "1"
    dashboard.go(f"/alerts/{second}")
    form = dashboard.form(f"/alerts/{second}/acknowledge")
    dashboard.send(form)
    assert open_count(dashboard) is None
    text = dashboard.go(f"/alerts/{second}").text
    assert f"by {admin.email}" in text
    assert not [each for each in dashboard.forms if each.action.endswith("/acknowledge")]
    dashboard.send(form)
    assert proxied_api.events_of(second) == ["alert.raised", "alert.acknowledged"], "a second time changes nothing"


def test_an_alert_of_another_organization_does_not_exist(proxied_api: Api, dashboard: Browser) -> None:
    other = proxied_api.organization()
    (raised,) = raise_alerts(proxied_api, alert_with(other.id, "usage.threshold"))
    assert dashboard.go(f"/alerts/{raised}").status_code == 404
    assert open_count(dashboard) is None
    dashboard.go("/account")
    token = dashboard.form("/account/theme").fields["csrf_token"]
    origin = {"Origin": proxied_api.url}
    answer = dashboard.post(f"/alerts/{raised}/acknowledge", {"csrf_token": token}, **origin)
    assert answer.status_code == 404
    assert other.client.get(f"/v1/alerts/{raised}").data["status"] == "open"


def test_a_role_without_alerts_has_no_entry(proxied_api: Api, team: Organization, screen: Browser) -> None:
    screen.keep_cookie(COOKIE, person(proxied_api, team.id, "auditor").secret)
    screen.go("/account")
    assert "/alerts" not in screen.links


@pytest.mark.parametrize(
    ("kind", "details", "query"),
    [
        (
            "api_key.denied_burst",
            {"rule": "denied", "at": "2026-11-28T21:30:00+00:00", "minutes": 10},
            "?status=denied&from=2026-11-28T21%3A20&to=2026-11-28T21%3A31",
        ),
        (
            "api_key.error_spike",
            {"rule": "errors", "hour": "2026-11-28T21:00:00Z"},
            "?status=error&from=2026-11-28T21%3A00&to=2026-11-28T22%3A00",
        ),
        ("api_key.new_location", {"rule": "location"}, ""),
    ],
)
def test_an_alert_links_to_the_uses_that_it_is_about(
    proxied_api: Api, team: Organization, dashboard: Browser, kind: AlertType, details: dict[str, Any], query: str
) -> None:
    (raised,) = raise_alerts(proxied_api, alert_with(team.id, kind, "warning", team.manager.id, **details))
    dashboard.go(f"/alerts/{raised}")
    (link,) = [link for link in dashboard.links if link.startswith(f"/keys/{team.manager.id}/activity")]
    assert link.replace("&amp;", "&") == f"/keys/{team.manager.id}/activity{query}"
    assert dashboard.go(link.replace("&amp;", "&")).status_code == 200


def test_an_alert_about_an_address_links_to_its_uses(proxied_api: Api, team: Organization, dashboard: Browser) -> None:
    raised_by = alert_with(team.id, "api_key.denied_burst", rule="unknown", address="203.0.113.9")
    (raised,) = raise_alerts(proxied_api, raised_by)
    dashboard.go(f"/alerts/{raised}")
    assert "/activity?status=denied&ip=203.0.113.9" in [link.replace("&amp;", "&") for link in dashboard.links]
