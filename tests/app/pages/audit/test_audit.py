"""The audit log of the organization: sentences, filters, one change, export, access."""

import html
import re
from hashlib import sha256

import httpx2
import pytest

from app.api.audit.schemas import EVENT_TYPES
from app.pages.wording.words import AUDIT_EVENTS
from domain.actor import OPERATOR
from domain.alerts.events import AlertType
from domain.keys.commands import DisableKey
from domain.keys.decider import KEY
from domain.members.events import Role
from domain.plans.plan import PLANS
from eventstore.recorded import Origin
from infrastructure.clock import now
from projections.commands import commands_on
from projections.read_models.organizations.counts.queries import keys_guard
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import COOKIE, Person, person
from tests.app.raised_alerts import alert_with, raise_alerts
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


@pytest.mark.parametrize("query", ["ip=nowhere", "type=unknown"])
def test_a_filter_that_cannot_be_read_is_named_and_kept(window: Browser, query: str) -> None:
    name, _, value = query.partition("=")
    page = window.go(f"/audit?{query}&from=2026-01-02")
    assert page.status_code == 422
    assert f'id="{name}-error"' in page.text
    assert "From 2026-01-02" in page.text
    assert (name == "type") or f'value="{value}"' in page.text
    assert window.go("/audit?cursor=nowhere").status_code == 422


def test_filters_show_names_instead_of_ids(org: Organization, admin: Person, window: Browser) -> None:
    key = org.key(name="Deploy <b>")
    wiki = org.mcp(name="Wiki")
    org.client.delete(f"/v1/mcps/{wiki}")
    for query, name in (
        (f"resource={key.id}", "Changed: the key “Deploy &lt;b&gt;”"),
        (f"resource={wiki}", "Changed: the MCP server “Wiki”"),
        (f"resource={admin.id}", f"Changed: {admin.email}"),
        (f"key_id={key.id}", "Changes of or with the key: Deploy &lt;b&gt;"),
        (f"actor={org.manager.id}", "By: Manager"),
        ("type=api_key.permissions_changed", "Key: permissions changed"),
    ):
        for also in ("", "&ip=203.0.113.77", "&ip=nowhere"):
            window.go(f"/audit?{query}{also}")
            chips = re.findall(r'<span class="chip-text">(.*?)</span>', window.page.text)
            assert name in chips, "the name is known even if no change matches, or another filter cannot be read"


def test_every_type_of_change_has_a_title() -> None:
    assert set(AUDIT_EVENTS) == set(EVENT_TYPES)
    assert len(set(AUDIT_EVENTS.values())) == len(EVENT_TYPES)


def test_the_filter_of_types_shows_titles(window: Browser) -> None:
    options = re.findall(r'<option value="([\w.]+)">([^<]+)</option>', window.go("/audit").text)
    assert dict(options) | AUDIT_EVENTS == dict(options)


def test_the_last_day_of_a_period_is_included(window: Browser, org: Organization) -> None:
    org.key(name="Today")
    day = org.client.get("/v1/audit/events").data[0]["timestamp"][:10]
    assert "created the key “Today”" in window.go(f"/audit?from={day}&to={day}").text


def test_the_days_of_a_period_are_said_to_be_utc(window: Browser) -> None:
    page = window.go("/audit")
    for label in ("From (UTC)", "To (UTC)"):
        assert f">{label}</label>" in page.text


def raised(org: Organization, kind: AlertType, key_id: str | None = None) -> str:
    """Raise a warning and return its id."""
    (alert_id,) = raise_alerts(org.api, alert_with(org.id, kind, key_id=key_id))
    return alert_id


def test_an_identification_and_an_alert_name_their_key(org: Organization, admin: Person, window: Browser) -> None:
    key = org.key(name="Deploy <b>")
    digest = sha256(key.secret.encode()).hexdigest()
    admin.client.post("/v1/api-keys/identify", {"sha256": digest})
    alert_id = raised(org, "api_key.expiring", key.id)
    admin.client.post(f"/v1/alerts/{alert_id}/acknowledge")
    page = window.go("/audit")
    subject = "the alert “Expires soon” about the key “Deploy <b>”"
    for text in (
        f"{admin.email} found the secret of the key “Deploy <b>”.",
        f"Keyledger raised {subject}. Severity: warning.",
        f"{admin.email} acknowledged {subject}.",
    ):
        assert html.escape(text) in page.text
    assert html.escape(subject) in window.go(change_of(org, alert_id)).text


def test_an_alert_about_no_key_is_named(org: Organization, window: Browser) -> None:
    raised(org, "usage.threshold")
    text = "Keyledger raised the alert “Usage near the limit of the plan”. Severity: warning."
    assert text in window.go("/audit").text


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


def change_of(org: Organization, resource_id: str) -> str:
    """Return the page of the latest change of a resource."""
    return f"/audit/{org.client.get('/v1/audit/events', {'resource': resource_id}).data[0]['id']}"


@pytest.mark.parametrize("kind", ["mcps", "webhooks"])
def test_a_change_links_to_its_resource_only_while_it_exists(org: Organization, window: Browser, kind: str) -> None:
    bodies = {
        "mcps": {"name": "Wiki", "endpoint_url": "https://mcp.example.com/mcp"},
        "webhooks": {"url": "https://example.com/hooks"},
    }
    resource_id = org.client.post(f"/v1/{kind}", bodies[kind]).data["id"]
    path = change_of(org, resource_id)
    window.go(path)
    assert f"/{kind}/{resource_id}" in window.links
    org.client.delete(f"/v1/{kind}/{resource_id}")
    assert window.go(path).status_code == 200
    assert f"/{kind}/{resource_id}" not in window.links


def test_a_change_links_only_to_what_the_role_may_open(api: Api, org: Organization, open_as: OpenAs) -> None:
    hook, key = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"], org.key()
    window = open_as(person(api, org.id, "auditor"))
    for resource_id in (hook, key.id):
        window.go(change_of(org, resource_id))
        for link in [link for link in window.links if link.endswith(resource_id)]:
            assert window.go(link).status_code == 200, link


def test_a_change_by_an_operator_is_not_said_to_be_made_by_keyledger(
    api: Api, org: Organization, window: Browser
) -> None:
    key, at, pool = org.seeded_key(name="Deploy"), now(), api.database.pool
    disable = commands_on(pool).run(
        KEY, key.id, org.id, DisableKey(at), origin=Origin(OPERATOR), at=at, guard=keys_guard(org.id, PLANS)
    )
    api.database.run(disable)
    path = change_of(org, key.id)
    for shown in (path, "/audit"):
        assert "An operator disabled the key “Deploy”." in window.go(shown).text
    assert "None: an operator made this change on the server" in window.go(path).text
    assert "Disabled by an operator" in window.go(f"/keys/{key.id}").text


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
