"""The settings of the organization: details, limits, thresholds of alerts, deletion."""

import html
import re
from datetime import timedelta

import pytest

from domain.members.events import Role
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser, Form
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import COOKIE, Person, person
from tests.app.recorded_uses import record, uses
from tests.ui.data import HARD_NAME


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture
def window(open_as: OpenAs, owner: Person) -> Browser:
    return open_as(owner)


def settings(owner: Person) -> dict[str, object]:
    found: dict[str, object] = owner.client.get("/v1/organization").data["settings"]
    return found


def without(form: Form, *names: str) -> Form:
    """Return the form with these boxes cleared."""
    for name in names:
        form.fields.pop(name)
    return form


def test_the_page_shows_the_plan_with_its_limits(org: Organization, owner: Person, window: Browser) -> None:
    org.key(name="Deploy")
    page = window.go("/settings")
    assert "2 keys, no limit" in page.text
    assert "Team" in page.text
    assert owner.organization_id in page.text
    assert "/settings/delete" in window.links


def test_the_plan_has_the_chart_of_the_month_that_usage_has(api: Api, open_as: OpenAs) -> None:
    org = api.organization("pro")
    key = org.key()
    for _ in range(3):
        org.verify(key.secret)
    count(api)
    window = open_as(person(api, org.id, "viewer"))
    sentences, tables = zip(*(_month_in(window.go(page).text) for page in ("/settings", "/usage")), strict=True)
    assert "3 requests in" in sentences[0]
    assert "of 50,000 that the plan allows" in sentences[0]
    assert sentences[0] == sentences[1]
    assert tables[0] == tables[1]


def _month_in(text: str) -> tuple[str, str]:
    """Return what the chart of the month says, as a sentence up to its projection and as a table."""
    (chart,) = re.findall(r'<figure class="chart" id="month">.*?</figure>', text, re.DOTALL)
    (sentence,) = re.findall(r'<title id="month-title">([^<]*?\.)[^<]*</title>', chart)
    (table,) = re.findall(r"<table>.*</table>", chart, re.DOTALL)
    return sentence, table


def test_the_owner_changes_the_plan(owner: Person, window: Browser) -> None:
    page = window.go("/settings/plan")
    assert "You use now" in page.text
    assert "1 key, no limit" in page.text
    assert "10 keys, 15 MCP servers, 5 members, 50,000 requests a month" in page.text
    assert "If you already use more than the new plan allows, everything stays" in page.text
    form = window.form("/settings/plan")
    assert form.fields["plan"] == "team"
    page = window.send(form, plan="pro")
    assert window.path == "/settings"
    assert " of 10 keys" in page.text
    assert owner.client.get("/v1/organization").data["plan"] == "pro"


def test_an_unknown_plan_is_refused_next_to_the_field(owner: Person, window: Browser) -> None:
    window.go("/settings/plan")
    page = window.send(window.form("/settings/plan"), plan="gold")
    assert page.status_code == 422
    assert 'id="plan-error"' in page.text
    assert owner.client.get("/v1/organization").data["plan"] == "team"


def test_a_stale_plan_form_shows_the_stored_plan(owner: Person, window: Browser) -> None:
    window.go("/settings/plan")
    form = window.form("/settings/plan")
    owner.client.patch("/v1/organization", {"plan": "enterprise"})
    page = window.send(form, plan="pro")
    assert page.status_code == 412
    assert "<dt>Plan</dt><dd>Enterprise</dd>" in page.text
    page = window.send(window.form("/settings/plan"))
    assert owner.client.get("/v1/organization").data["plan"] == "pro"


def test_only_the_owner_is_offered_other_plans(open_as: OpenAs, api: Api, owner: Person) -> None:
    admin = open_as(person(api, owner.organization_id, "admin"))
    admin.go("/settings")
    assert "/settings/plan" not in admin.links
    assert admin.go("/settings/plan").status_code == 403


def test_the_details_are_changed_and_other_settings_stay(owner: Person, window: Browser) -> None:
    owner.client.patch("/v1/organization", {"settings": {"theme": "dark", "anomalies.volume_ratio": 5}})
    window.go("/settings/edit")
    url = "https://gateway.example/{slug}/mcp"
    page = window.send(window.form("/settings/edit"), name=HARD_NAME, description="Ours", mcp_url=url)
    assert window.path == "/settings"
    assert html.escape(HARD_NAME) in page.text
    assert HARD_NAME not in page.text
    slug = owner.client.get("/v1/organization").data["slug"]
    assert f"https://gateway.example/{slug}/mcp" in page.text
    assert settings(owner) == {"theme": "dark", "anomalies.volume_ratio": 5, "connect.mcp_url": url}


def test_the_handling_of_leaked_keys_is_shown_and_changed(owner: Person, window: Browser) -> None:
    assert "Disable the key" in window.go("/settings").text
    window.go("/settings/edit")
    form = window.form("/settings/edit")
    assert form.fields["leaked_keys"] == "disable"
    assert "Revoke the key" in window.send(form, leaked_keys="revoke").text
    assert settings(owner) == {"leaked_keys": "revoke"}
    window.go("/settings/edit")
    assert "Disable the key" in window.send(window.form("/settings/edit"), leaked_keys="disable").text
    assert settings(owner) == {}
    window.go("/settings/edit")
    assert window.send(window.form("/settings/edit"), leaked_keys="delete").status_code == 422


def test_a_refused_url_keeps_what_was_typed(owner: Person, window: Browser) -> None:
    window.go("/settings/edit")
    page = window.send(window.form("/settings/edit"), name="Mine", description="", mcp_url="http://example.com")
    assert page.status_code == 422
    assert "The URL must be an https URL" in page.text
    assert 'value="Mine"' in page.text
    assert settings(owner) == {}


def test_a_stale_form_shows_who_changed_the_organization(api: Api, org: Organization, window: Browser) -> None:
    colleague = person(api, org.id, "admin")
    window.go("/settings/edit")
    form = window.form("/settings/edit")
    colleague.client.patch("/v1/organization", {"name": "Theirs"})
    page = window.send(form, name="Mine", description="", mcp_url="")
    assert page.status_code == 412
    assert f"{colleague.email} changed this at" in page.text
    assert "<dd>Theirs</dd>" in page.text
    assert 'value="Mine"' in page.text


def test_thresholds_are_shown_next_to_the_present_use(api: Api, org: Organization, window: Browser) -> None:
    key = org.key(allowed_ips=["192.0.2.0/24"])
    for _ in range(3):
        org.verify(key.secret, ip="192.0.2.7")
    org.verify(key.secret, ip="203.0.113.9")
    earlier = now() - timedelta(hours=25)
    record(org, earlier, uses(org, key, 9, earlier))
    count(api)
    text = window.go("/settings/alerts").text
    assert "all keys together had 3 requests, at most 3 in an hour, 0 errors and 1 refusal." in text


def test_only_thresholds_that_differ_from_the_default_are_stored(owner: Person, window: Browser) -> None:
    owner.client.patch("/v1/organization", {"settings": {"theme": "dark", "anomalies.denied": False}})
    window.go("/settings/alerts")
    form = without(window.form("/settings/alerts"), "location")
    window.send(form, volume_ratio="4.5", dormant_days="60", denied="on")
    assert settings(owner) == {"theme": "dark", "anomalies.volume_ratio": 4.5, "anomalies.location": False}
    assert window.go("/settings").text.count(">Off</span>") == 1


@pytest.mark.parametrize("value", ["0", "many", "nan", "1.5", "", "1_000", "٣٠", "1e3", "9" * 5_000])
def test_a_threshold_out_of_range_is_named_and_kept(owner: Person, window: Browser, value: str) -> None:
    window.go("/settings/alerts")
    page = window.send(window.form("/settings/alerts"), dormant_days=value, volume_ratio="7")
    assert page.status_code == 422
    assert "Must be a number from 1 to 3,650." in page.text
    assert f'name="dormant_days" type="text" value="{value}"' in page.text
    assert 'value="7"' in page.text
    assert settings(owner) == {}


@pytest.mark.parametrize(
    ("value", "stored"), [("0_1", None), ("0.1_1", None), ("nan", None), ("1e-1", None), (".25", 0.25), ("1", 1)]
)
def test_a_threshold_with_decimal_places_is_a_number_in_plain_digits(
    owner: Person, window: Browser, value: str, stored: float | None
) -> None:
    window.go("/settings/alerts")
    page = window.send(window.form("/settings/alerts"), errors_rate_min=value)
    assert page.status_code == (422 if stored is None else 200)
    assert settings(owner).get("anomalies.errors_rate_min") == stored


def test_the_organization_is_deleted_after_its_slug_was_typed(api: Api, owner: Person, window: Browser) -> None:
    slug = owner.client.get("/v1/organization").data["slug"]
    page = window.go("/settings/delete")
    assert "stop working immediately, yours too." in page.text
    assert window.send(window.form("/settings/delete"), confirmation="no").status_code == 422
    assert owner.client.get("/v1/organization").status == 200
    window.send(window.form("/settings/delete"), confirmation=slug)
    assert window.path == "/sign-in"
    assert COOKIE not in window.cookies
    assert owner.client.get("/v1/organization").status == 401
    assert "organization.deleted" in api.events_of(owner.organization_id)


@pytest.mark.parametrize("role", ["viewer", "member", "auditor", "admin"])
def test_a_role_sees_only_what_it_may_change(api: Api, org: Organization, open_as: OpenAs, role: Role) -> None:
    window = open_as(person(api, org.id, role))
    assert window.go("/settings").status_code == 200
    own = {link for link in window.links if link.startswith("/settings/")}
    assert own == ({"/settings/edit", "/settings/alerts"} if role == "admin" else set())
    assert window.go("/settings/delete").status_code == 403
    assert window.go("/settings/edit").status_code == (200 if role == "admin" else 403)
