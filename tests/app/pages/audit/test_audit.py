"""The audit log of the organization: sentences, filters, one change, export, access."""

import html

import httpx2
import pytest

from domain.members.events import Role
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import COOKIE, Person, person
from tests.ui.data import HARD_NAME


@pytest.fixture
def admin(api: Api, org: Organization) -> Person:
    return person(api, org.id, "admin")


@pytest.fixture
def window(open_as: OpenAs, admin: Person) -> Browser:
    return open_as(admin)


def test_changes_are_shown_as_sentences_with_names(admin: Person, window: Browser) -> None:
    key = admin.client.post("/v1/api-keys", {"name": HARD_NAME}).data
    admin.client.post(f"/v1/api-keys/{key['id']}/revoke", {"reason": "superseded"})
    page = window.go("/audit")
    assert html.escape(f"{admin.email} created the key “{HARD_NAME}”.") in page.text
    assert html.escape(f"{admin.email} revoked the key “{HARD_NAME}”. Reason: replaced by another key.") in page.text
    assert HARD_NAME not in page.text
    assert " UTC</time>" in page.text
    assert "ago</time>" not in page.text


def test_filters_narrow_the_list_and_each_can_be_removed(org: Organization, admin: Person, window: Browser) -> None:
    wiki = admin.client.post("/v1/mcps", {"name": "Wiki", "endpoint_url": "https://mcp.example.com/mcp"}).data["id"]
    org.key(name="Deploy")
    page = window.go(f"/audit?type=mcp.created&actor={admin.id}&resource={wiki}")
    assert "registered the MCP server “Wiki”" in page.text
    assert "created the key" not in page.text
    assert f"By: {admin.email}" in page.text
    assert f"/audit?type=mcp.created&actor={admin.id}" in [html.unescape(link) for link in window.links]
    assert "No changes match." in window.go("/audit?from=2020-01-01&to=2020-01-02").text
    assert "No changes match." in window.go("/audit?ip=203.0.113.77").text


def test_the_last_day_of_a_period_is_included(window: Browser, org: Organization) -> None:
    org.key(name="Today")
    day = org.client.get("/v1/audit/events").data[0]["timestamp"][:10]
    assert "created the key “Today”" in window.go(f"/audit?from={day}&to={day}").text


def test_an_unknown_event_type_is_named(window: Browser) -> None:
    page = window.go("/audit?type=unknown")
    assert page.status_code == 422
    assert "Must be one of" in page.text


def test_long_lists_have_pages(org: Organization, window: Browser) -> None:
    for number in range(60):
        org.seeded_key(name=f"Key {number}")
    window.go("/audit")
    (older,) = [link for link in window.links if "cursor=" in link]
    page = window.go(html.unescape(older))
    assert page.status_code == 200
    assert "Newest" in page.text


def test_one_change_shows_everything_that_the_log_contains(org: Organization, window: Browser) -> None:
    key = org.key(name="Deploy")
    org.client.post(f"{key.path}/revoke", {"reason": "compromised", "note": "<script>alert(1)</script>"})
    event = org.client.get("/v1/audit/events", {"resource": key.id, "type": "api_key.revoked"}).data[0]
    page = window.go(f"/audit/{event['id']}")
    assert "Manager revoked the key “Deploy”. Reason: compromised." in page.text
    assert "&lt;script&gt;" in page.text
    for shown in (event["id"], key.id, str(event["ip"]), "api_key.revoked", f"{event['position']:,}"):
        assert shown in page.text
    assert event["hash"] in page.text
    assert event["previous_hash"] in page.text
    assert f"/keys/{key.id}" in window.links
    assert f"/audit?resource={key.id}" in window.links


def test_the_log_is_exported_for_the_selected_days(api: Api, org: Organization, admin: Person, window: Browser) -> None:
    org.key(name="Deploy")
    window.go("/audit?from=2026-01-01")
    (link,) = [html.unescape(link) for link in window.links if "format=csv" in link]
    answer = httpx2.get(api.url + link, headers={"Cookie": f"{COOKIE}={admin.secret}"})
    assert answer.headers["content-disposition"] == 'attachment; filename="audit-log.csv"'
    assert "api_key.created" in answer.text
    assert "from=2026-01-01T00%3A00%3A00Z" in link


@pytest.mark.parametrize("role", ["viewer", "member"])
def test_roles_without_the_audit_log_get_403(api: Api, org: Organization, open_as: OpenAs, role: Role) -> None:
    window = open_as(person(api, org.id, role))
    assert window.go("/audit").status_code == 403
    assert "/audit" not in window.links


def test_a_change_of_another_organization_does_not_exist(api: Api, window: Browser) -> None:
    other = api.organization()
    event = other.client.get("/v1/audit/events").data[0]
    assert window.go(f"/audit/{event['id']}").status_code == 404
