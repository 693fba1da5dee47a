"""Journeys that all lists share: filters, headers that stay in view, and the focus after a row is gone."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.app.api.organization.invite import invite
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.ui.looks import LIGHT, LIGHT_NARROW, MEDIUM
from tests.ui.observer import REPLACED_REQUEST
from tests.ui.pages import key_path
from tests.ui.site import Site
from tests.ui.ui import Ui

HTMX_REFUSED = "console error: Response Status Error Code 422"


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def _webhook(site: Site) -> str:
    return f"/webhooks/{site.person('owner').client.get('/v1/webhooks').data[0]['id']}"


LISTS: tuple[tuple[str, str, str, Callable[[Site], str]], ...] = (
    ("Outcome", "Refused", "Outcome: Refused", lambda _: "/activity"),
    ("Outcome", "Refused", "Outcome: Refused", key_path("prod-server", "/activity")),
    ("Health", "Doesn't respond", "Health: Doesn't respond", lambda _: "/mcps"),
    ("Severity", "Critical", "Severity: Critical", lambda _: "/alerts"),
    ("Event", "Key: revoked", "Key: revoked", lambda _: "/audit"),
    ("Status", "Given up", "Status: Given up", _webhook),
    ("Status", "Disabled", "Status: Disabled", lambda _: "/keys"),
)
"""A field of each list, an option, the chip of the filter, and the address."""

each_list = pytest.mark.parametrize(("field", "option", "chip", "path"), LISTS)


def choose(page: Page, field: str, option: str) -> None:
    """Select an option of a field whose options may have longer texts."""
    select = page.get_by_label(field, exact=True)
    text = select.locator("option", has_text=option).first.text_content() or ""
    select.select_option(label=text.strip())


@each_list
def test_a_filter_applies_when_it_changes_and_its_chip_removes_it(
    ui: Ui, site: Site, field: str, option: str, chip: str, path: Callable[[Site], str]
) -> None:
    page = ui.open(path(site), site.person("owner"))
    address = page.url
    page.evaluate("window.isSamePage = true")
    choose(page, field, option)
    applied = page.locator(".applied")
    expect(applied.get_by_role("link").first).to_contain_text(chip)
    expect(page.locator("#results-status")).not_to_be_empty()
    expect(page.locator("#results-status")).to_have_role("status")
    assert "?" in page.url
    assert "=&" not in page.url, "without the empty fields of the form"
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    applied.get_by_role("link", name="Remove this filter").click()
    expect(applied).to_have_count(0)
    expect(page.locator("#results :is(caption, .empty):focus")).to_have_count(1)
    expect(page.get_by_label(field, exact=True)).to_have_value("")
    assert page.url == address
    choose(page, field, option)
    applied.get_by_role("link", name="Clear all").click()
    expect(applied).to_have_count(0)
    assert page.url == address
    assert page.evaluate("window.isSamePage") is True, "only the list is replaced"


@each_list
def test_a_filter_has_a_button_without_javascript(
    ui: Ui, site: Site, field: str, option: str, chip: str, path: Callable[[Site], str]
) -> None:
    page = ui.open(path(site), site.person("owner"), java_script=False)
    choose(page, field, option)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".applied").get_by_role("link").first).to_contain_text(chip)
    page.get_by_role("link", name="Clear all").click()
    expect(page.locator(".applied")).to_have_count(0)


@pytest.mark.parametrize(("path", "label"), [("/activity", "Address"), ("/audit", "IP address")])
def test_a_filter_that_cannot_be_read_is_named_next_to_its_field_until_it_is_corrected(
    ui: Ui, site: Site, path: str, label: str
) -> None:
    ui.expect(f"response 422: GET {path}")
    ui.allow(HTMX_REFUSED)
    ui.allow(REPLACED_REQUEST)
    page = ui.open(path, site.person("owner"))
    field = page.get_by_label(label, exact=True)
    field.fill("nowhere")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_be_focused()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_value("nowhere")
    field.fill("192.0.2.1")
    field.press("Enter")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(field).not_to_have_attribute("aria-invalid", "true")


def test_the_links_beside_a_list_follow_its_filters(ui: Ui, site: Site) -> None:
    page = ui.open("/alerts", site.person("owner"))
    choose(page, "Severity", "Critical")
    expect(page.get_by_role("link", name="Acknowledged")).to_have_attribute(
        "href", "/alerts?severity=critical&status=acknowledged"
    )
    page.goto("/audit")
    page.get_by_label("From (UTC)").fill("2026-01-02")
    expect(page.get_by_role("link", name="Export CSV")).to_have_attribute(
        "href", "/v1/audit/export?format=csv&from=2026-01-02T00%3A00%3A00Z"
    )


def test_a_filtered_list_is_still_followed(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key(name="Agent", allowed_ips=["10.0.0.0/8"])
    page = ui.open("/activity", owner)
    choose(page, "Outcome", "Refused")
    expect(page.get_by_text("No matches.")).to_be_visible()
    org.verify(key.secret, ip="192.0.2.7")
    expect(page.locator("[data-tail-rows] tr")).to_have_count(1)
    org.verify(key.secret, ip="10.0.0.1")
    org.verify(key.secret, ip="192.0.2.7")
    expect(page.locator("[data-tail-rows] tr")).to_have_count(2)
    page.get_by_role("link", name="Remove this filter").click()
    expect(page.locator(".applied")).to_have_count(0)
    expect(page.locator("[data-tail-state]")).to_contain_text("Live")
    org.verify(key.secret, ip="10.0.0.1")
    expect(page.locator("[data-tail-rows] tr")).to_have_count(5)


def test_a_link_that_is_pressed_while_a_text_is_typed_is_followed(ui: Ui, site: Site) -> None:
    """Pressing it ends the editing of the text, and the list must not be replaced before the link is released."""
    page = ui.open("/activity", site.person("owner"))
    page.get_by_label("Tool", exact=True).press_sequentially("search")
    link = page.locator("[data-tail-rows] a[href^='/activity/']").first
    address = link.get_attribute("href")
    link.hover()
    page.mouse.down()
    page.wait_for_timeout(200)
    page.mouse.up()
    page.wait_for_url(f"**{address}")


def test_the_newest_page_has_no_link_to_newer_rows(ui: Ui, site: Site) -> None:
    page = ui.open("/activity", site.person("owner"))
    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    expect(page.get_by_role("link", name="Newer")).to_have_count(0)


def test_the_header_of_a_table_stays_in_view(ui: Ui, org: Organization, owner: Person) -> None:
    for number in range(25):
        org.seeded_key(name=f"key {number}")
    header = "document.querySelector('thead th').getBoundingClientRect()"
    region = "document.querySelector('.table-region')"
    page = ui.open("/keys", owner)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    assert page.evaluate(f"{header}.top") == 0, "in the window"
    MEDIUM.apply(page)
    page.evaluate(f"{region}.scrollTo(50, 600)")
    assert page.evaluate(f"{region}.scrollTop") > 0
    assert page.evaluate(f"{header}.top - {region}.getBoundingClientRect().top") == pytest.approx(1, abs=1)
    LIGHT_NARROW.apply(page)
    assert page.evaluate("getComputedStyle(document.querySelector('tbody tr')).display") == "grid", "cards"
    assert page.evaluate(f"{region}.scrollHeight - {region}.clientHeight") == 0, "the window scrolls"


def test_a_row_in_focus_is_not_hidden_by_the_header(ui: Ui, org: Organization, owner: Person) -> None:
    for number in range(25):
        org.seeded_key(name=f"key {number}")
    page = ui.open("/keys", owner)
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.get_by_role("link", name="key 23", exact=True).focus()
    below = page.evaluate("document.querySelector('thead').getBoundingClientRect().bottom")
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= below


def removed(page: Page, link: str, button: str, *, java_script: bool) -> None:
    page.get_by_role("link", name=link).click()
    place = page.get_by_role("dialog") if java_script else page.locator("main")
    place.get_by_role("button", name=button).click()


@pytest.mark.parametrize("java_script", [True, False])
def test_after_a_removal_the_next_row_has_the_focus(
    ui: Ui, org: Organization, owner: Person, *, java_script: bool
) -> None:
    first, second = (person(org.api, org.id, "viewer") for _ in range(2))
    newest, oldest = "ada@example.com", "bob@example.com"
    for email in (oldest, newest):
        invite(owner.client, email)
    page = ui.open("/members", owner, LIGHT, java_script=java_script)
    removed(page, f"Remove {first.email}", "Remove member", java_script=java_script)
    expect(page.get_by_role("row").filter(has_text=second.email or "")).to_be_focused()
    removed(page, f"Withdraw the invitation to {newest}", "Withdraw invitation", java_script=java_script)
    expect(page.get_by_role("row").filter(has_text=oldest)).to_be_focused()
    removed(page, f"Withdraw the invitation to {oldest}", "Withdraw invitation", java_script=java_script)
    expect(page.get_by_role("main")).to_be_focused()


def test_after_an_ended_session_the_next_row_has_the_focus(ui: Ui, owner: Person) -> None:
    for _ in range(2):
        owner.session()
    page = ui.open("/account", owner)
    rows = page.locator("#main tbody tr")
    expect(rows).to_have_count(3)
    page.get_by_role("button", name="End the session").first.click()
    expect(rows).to_have_count(2)
    expect(rows.first).to_be_focused()
    page.get_by_role("button", name="End all other sessions").click()
    expect(page.get_by_role("main")).to_be_focused()


def test_after_an_acknowledgement_the_next_alert_has_the_focus(ui: Ui, org: Organization, owner: Person) -> None:
    raise_alerts(org.api, *[alert_with(org.id, "usage.threshold") for _ in range(3)])
    page = ui.open("/alerts", owner)
    kept = page.get_by_role("row").nth(2).get_by_role("rowheader").get_by_role("link").get_attribute("href") or ""
    page.get_by_role("button", name="Acknowledge").first.click()
    expect(page.get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row").filter(has=page.locator(f"[href='{kept}']"))).to_be_focused()


def test_after_a_server_or_a_webhook_is_deleted_the_list_has_the_focus(
    ui: Ui, org: Organization, owner: Person
) -> None:
    mcp = org.mcp(name="Jira")
    page = ui.open(f"/mcps/{mcp}", owner)
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("dialog").get_by_label("to confirm").fill("Jira")
    page.get_by_role("dialog").get_by_role("button", name="Delete server").click()
    expect(page.get_by_role("heading", level=1, name="MCP servers")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    hook = {"url": "https://hooks.example.com/keyledger", "events": ["api_key.created"]}
    page.goto(f"/webhooks/{owner.client.post('/v1/webhooks', hook).data['id']}")
    removed(page, "Delete", "Delete webhook", java_script=True)
    expect(page.get_by_role("heading", level=1, name="Webhooks")).to_be_visible()
    expect(page.get_by_role("main")).to_be_focused()
    page.reload()
    expect(page.get_by_role("main")).not_to_be_focused()
