"""Journeys: find keys with filters, and revoke many of them."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.looks import LIGHT, LIGHT_NARROW, Look
from tests.ui.observer import REPLACED_REQUEST
from tests.ui.ui import Ui


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture
def filled(org: Organization) -> Organization:
    github = org.mcp(name="GitHub")
    org.key(name="alpha", permissions={"mcps": [github]}, expires_at=(now() + timedelta(days=5)).isoformat())
    org.client.post(f"{org.key(name='beta').path}/disable")
    org.seeded_key(name="gamma", environment="test", at=now() - timedelta(days=100))
    return org


def names(page: Page) -> set[str]:
    return set(page.locator(".row-name").all_text_contents()) - {"Manager"}


@pytest.mark.parametrize(
    ("label", "option", "name"),
    [
        ("Status", "Disabled", "beta"),
        ("MCP server", "GitHub", "alpha"),
        ("Environment", "Test", "gamma"),
        ("Expires within", "7 days", "alpha"),
        ("Unused for", "90 days", "gamma"),
    ],
)
def test_a_filter_replaces_the_list_and_can_be_undone(
    ui: Ui, filled: Organization, owner: Person, look: Look, label: str, option: str, name: str
) -> None:
    page = ui.open("/keys", owner, look)
    page.evaluate("window.isSamePage = true")
    if look.width < 720 and label != "Status":
        page.get_by_text("More filters").click()
    page.get_by_label(label, exact=True).select_option(option)
    expect(page.locator(".row-name").filter(has_not_text="Manager")).to_have_text([name])
    # The manager's key is for all MCP servers.
    expect(page.locator("#results-status")).to_have_text("2 keys." if label == "MCP server" else "1 key.")
    assert "?" in page.url
    assert page.evaluate("window.isSamePage === true"), "only the list is loaded"
    page.go_back()
    expect(page.locator(".row-name").filter(has_not_text="Manager")).to_have_count(3)
    assert names(page) == {"alpha", "beta", "gamma"}
    expect(page.get_by_label(label, exact=True)).to_have_value("")


def test_the_search_is_reached_by_a_slash_and_keeps_the_focus(
    ui: Ui, filled: Organization, owner: Person, look: Look
) -> None:
    ui.allow(REPLACED_REQUEST)
    page = ui.open("/keys", owner, look)
    page.keyboard.press("/")
    search = page.get_by_label("Search by name or prefix")
    expect(search).to_be_focused()
    page.keyboard.type("alp/")
    page.keyboard.press("Backspace")
    expect(page.locator(".row-name")).to_have_text(["alpha"])
    expect(search).to_be_focused()
    expect(search).to_have_value("alp")
    page.reload()
    expect(page.locator(".row-name")).to_have_text(["alpha"])


def test_removing_a_chip_clears_the_field_and_moves_the_focus_to_the_list(
    ui: Ui, filled: Organization, owner: Person, look: Look
) -> None:
    page = ui.open("/keys?q=alpha", owner, look)
    page.get_by_role("link", name="Remove this filter").click()
    expect(page.get_by_role("link", name="beta", exact=True)).to_be_visible()
    expect(page.get_by_label("Search by name or prefix")).to_have_value("")
    expect(page.locator("#results caption")).to_be_focused()
    assert page.url.endswith("/keys")


def test_the_keys_of_a_creator_are_chosen_by_name(ui: Ui, filled: Organization, owner: Person, look: Look) -> None:
    owner.client.post("/v1/api-keys", {"name": "mine", "permissions": {"mcps": "*"}})
    page = ui.open("/keys", owner, look)
    if look.width < 720:
        page.get_by_text("More filters").click()
    page.get_by_label("Created by", exact=True).select_option(owner.id)
    expect(page.locator(".row-name")).to_have_text(["mine"])
    expect(page.locator(".chip-text")).to_have_text([f"Created by: {owner.email}"])
    page.get_by_role("link", name="Clear all").click()
    expect(page.locator(".row-name")).to_have_count(5)


def test_the_creator_in_a_row_leads_to_their_other_keys(ui: Ui, filled: Organization, owner: Person) -> None:
    page = ui.open("/keys?q=alpha", owner)
    page.get_by_role("row").filter(has_text="alpha").get_by_role("link", name="Manager").click()
    expect(page.get_by_role("link", name="Created by: Manager Remove this filter")).to_be_visible()
    page.get_by_role("link", name="“alpha” Remove this filter").click()
    expect(page.locator(".row-name")).to_have_text(["beta", "alpha"])


@pytest.fixture
def used_keys(api: Api, org: Organization) -> Organization:
    """Three keys whose names, ages, expiry dates and last uses have different orders."""
    at = now()
    days = {"a": (1, 30), "b": (2, 10), "c": (3, 20)}
    keys = {
        name: org.seeded_key(name=name, at=at - timedelta(days=age), expires_at=at + timedelta(days=left))
        for name, (age, left) in days.items()
    }
    for name in ("c", "a", "b"):
        org.verify(keys[name].secret)
    count(api)
    return org


@pytest.mark.parametrize(
    ("column", "names"), [("Name", "abc"), ("Created", "cba"), ("Last Used", "bac"), ("Expires", "bca")]
)
def test_each_column_with_a_link_sorts_the_list_in_both_directions(
    ui: Ui, used_keys: Organization, owner: Person, column: str, names: str
) -> None:
    page = ui.open("/keys", owner)
    header = page.get_by_role("columnheader", name=column)
    rows = page.locator(".row-name").filter(has_not_text="Manager")
    directions = ("ascending", "descending") if column != "Last Used" else ("descending", "ascending")
    for wanted, direction in zip((names, names[::-1]), directions, strict=True):
        header.get_by_role("link").click()
        expect(header).to_have_attribute("aria-sort", direction)
        expect(rows).to_have_text(list(wanted))
        shown = page.url
        page.reload()
        expect(rows).to_have_text(list(wanted))
        assert page.url == shown, "the order has an address"


def test_a_key_is_opened_from_the_list_and_left_by_going_back(
    ui: Ui, filled: Organization, owner: Person, look: Look
) -> None:
    page = ui.open("/keys?status=active&sort=name", owner, look)
    page.get_by_role("link", name="gamma", exact=True).click()
    expect(page.get_by_role("heading", level=1, name="gamma")).to_be_visible()
    page.go_back()
    expect(page.locator(".row-name")).to_have_text(["alpha", "gamma", "Manager"])
    assert page.url.endswith("/keys?status=active&sort=name")


def test_filters_work_without_javascript(ui: Ui, filled: Organization, owner: Person) -> None:
    page = ui.open("/keys", owner, LIGHT_NARROW, java_script=False)
    page.get_by_label("Status", exact=True).select_option("Disabled")
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".row-name")).to_have_text(["beta"])
    page.get_by_role("link", name="Clear all").click()
    assert names(page) == {"alpha", "beta", "gamma"}


def test_selected_keys_are_revoked_after_a_preview(ui: Ui, filled: Organization, owner: Person, look: Look) -> None:
    ui.expect("response 422: POST /keys/revoke")
    page = ui.open("/keys", owner, look)
    for name in ("alpha", "beta"):
        page.get_by_label(f"Select {name}").check()
    expect(page.get_by_text("2 selected")).to_be_visible()
    page.get_by_role("button", name="Revoke selected…").click()
    expect(page.get_by_role("heading", name="Revoke 2 keys?")).to_be_visible()
    page.get_by_label("Compromised").check()
    page.get_by_role("button", name="Revoke 2 keys").click()
    expect(page.get_by_role("alert")).to_be_focused()
    expect(page.get_by_label("Compromised")).to_be_checked()
    page.get_by_label("to confirm").fill("revoke 2 keys")
    page.get_by_role("button", name="Revoke 2 keys").click()
    expect(page.get_by_role("heading", name="2 keys revoked")).to_be_visible()
    page.get_by_role("link", name="All revoked keys").click()
    expect(page.locator(".row-name")).to_have_text(["beta", "alpha"])


def test_keys_are_revoked_by_criteria_without_javascript(ui: Ui, filled: Organization, owner: Person) -> None:
    page = ui.open("/keys/revoke", owner, LIGHT, java_script=False)
    page.get_by_label("Can reach").select_option("GitHub")
    page.get_by_label("Created by").select_option("Anyone")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("match and will be revoked")).to_be_visible()
    expect(page.get_by_role("link", name="alpha")).to_be_visible()
    page.get_by_label("No longer needed").check()
    page.get_by_label("to confirm").fill("revoke 2 keys")
    page.get_by_role("button", name="Revoke 2 keys").click()
    expect(page.get_by_role("heading", name="2 keys revoked")).to_be_visible()


def test_all_keys_of_the_page_are_selected_together(ui: Ui, filled: Organization, owner: Person) -> None:
    page = ui.open("/keys", owner)
    page.get_by_label("Select all keys of this page").check()
    expect(page.get_by_text("4 selected")).to_be_visible()
    page.get_by_label("Select alpha").uncheck()
    expect(page.get_by_text("3 selected")).to_be_visible()


def test_a_pasted_secret_is_cut_before_it_is_sent(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    key = org.key(name="leaked")
    page = ui.open("/keys", owner, look)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url))
    with page.expect_response("**/keys?q=*"):
        page.get_by_label("Search by name or prefix").fill(key.secret)
    expect(page.get_by_label("Search by name or prefix")).to_have_value(key.secret[:12])
    expect(page.get_by_role("link", name="leaked", exact=True)).to_be_visible()
    assert sent
    assert not any(key.secret[:13] in url for url in sent)


def test_the_next_page_replaces_the_list_and_its_caption_gets_the_focus(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    for number in range(51):
        org.seeded_key(name=f"key {number}")
    page = ui.open("/keys", owner, look)
    page.evaluate("window.isSamePage = true")
    page.get_by_role("link", name="Older").click()
    expect(page.get_by_text("51\N{EN DASH}52 of 52 keys.")).to_be_visible()
    expect(page.locator("#results caption")).to_be_focused()
    assert page.url.endswith("/keys?page=2")
    page.get_by_role("link", name="Newer").click()
    expect(page.get_by_text("1\N{EN DASH}50 of 52 keys.")).to_be_visible()
    assert page.evaluate("window.isSamePage === true"), "only the list is loaded"


def test_ended_keys_are_told_by_their_colour_and_not_by_opacity(ui: Ui, org: Organization, owner: Person) -> None:
    org.client.post(f"{org.key(name='gone').path}/revoke")
    page = ui.open("/keys", owner)
    ended, active = (page.locator(".row-name", has_text=name) for name in ("gone", "Manager"))
    quiet = page.locator("thead th").nth(4).evaluate("header => getComputedStyle(header).color")
    expect(ended).to_have_css("color", quiet)
    expect(active).not_to_have_css("color", quiet)
    expect(page.locator(".row-quiet")).to_have_css("opacity", "1")


def test_the_box_and_the_status_of_a_card_are_in_the_line_of_its_name(ui: Ui, org: Organization, owner: Person) -> None:
    page = ui.open("/keys", owner, LIGHT_NARROW)
    middles = [
        page.locator(part).first.evaluate("part => (box => (box.top + box.bottom) / 2)(part.getBoundingClientRect())")
        for part in ("[data-row-check]", ".row-name", "td .badge")
    ]
    assert max(middles) - min(middles) < 3


def test_the_list_fades_while_a_filter_takes_long(ui: Ui, org: Organization, owner: Person) -> None:
    org.key(name="prod")
    page = ui.open("/keys", owner)
    waiting: list[Route] = []

    def hold(route: Route) -> None:
        waiting.append(route)

    page.route(re.compile("status=active"), hold)
    page.get_by_label("Status").select_option("active")
    results = page.locator("#results")
    expect(results).to_have_css("opacity", "0.5")
    waiting[0].continue_()
    expect(page.get_by_role("link", name="Clear all")).to_be_visible()
    expect(results).to_have_css("opacity", "1")
