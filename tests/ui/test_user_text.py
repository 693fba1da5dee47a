"""Texts of people in a real browser: complete, wrapped, and never run as a script."""

import pytest
from playwright.sync_api import Page, expect

from tests.app.api.usage.usage_data import count
from tests.app.hard_texts import NAMES, NOTE
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.app.raised_alerts import alert_with, raise_alerts
from tests.ui.layout import scrolls_sideways
from tests.ui.looks import JOURNEY_LOOKS
from tests.ui.text import cut_off
from tests.ui.ui import Ui

LISTS = ("/", "/keys", "/activity", "/alerts", "/audit", "/usage", "/mcps")


@pytest.fixture(scope="module")
def team(api: Api) -> Organization:
    """An organization whose keys and servers have the hardest names. No test changes it."""
    org = api.organization()
    burst = {"rule": "denied", "denied": 40, "limit": 20, "minutes": 10, "at": "2026-11-28T12:00:00Z"}
    for name in NAMES.values():
        mcp_id = org.mcp(name=name, description=name)
        key = org.key(name=name, description=name, metadata={"team": name}, permissions={"mcps": [mcp_id]})
        org.verify(key.secret, mcp_id=mcp_id)
        raise_alerts(api, alert_with(org.id, "api_key.denied_burst", "critical", key.id, **burst))
    org.client.post(f"{org.key(name='Agent').path}/revoke", {"reason": "compromised", "note": NOTE})
    count(api)
    return org


@pytest.fixture(scope="module")
def owner(api: Api, team: Organization) -> Person:
    return person(api, team.id, "owner")


def assert_complete(page: Page, name: str) -> None:
    """Fail unless the page shows the name, all of it inside the window, and runs nothing of it."""
    shown = page.locator("main").get_by_text(name).locator("visible=true")
    assert shown.count(), f"{page.url} does not show {name!r}"
    box = shown.first.bounding_box()
    assert box is not None
    window = page.viewport_size
    assert window is not None
    assert 0 <= box["x"] <= box["x"] + box["width"] <= window["width"]
    assert "taken" not in page.title() or name in page.title()


def assert_fits(page: Page) -> None:
    """Fail if a text is wider than the window or cut off, on a large and on a small screen."""
    for look in JOURNEY_LOOKS:
        look.apply(page)
        assert not scrolls_sideways(page), (page.url, look.name)
        assert cut_off(page) == [], (page.url, look.name)


@pytest.mark.parametrize("path", LISTS)
def test_lists_show_the_longest_names_and_other_scripts_completely(
    ui: Ui, team: Organization, owner: Person, path: str
) -> None:
    page = ui.open(path, owner)
    for name in NAMES.values():
        assert_complete(page, name)
    assert_fits(page)


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_the_pages_of_a_key_show_its_name_completely(ui: Ui, team: Organization, owner: Person, name: str) -> None:
    keys = team.client.get("/v1/api-keys", {"per_page": 100}).data
    (key_id,) = [key["id"] for key in keys if key["name"] == name]
    page = ui.window(owner)
    for tab in ("", "/activity", "/permissions", "/edit", "/revoke"):
        page.goto(f"/keys/{key_id}{tab}")
        expect(page.get_by_role("heading", level=1)).to_contain_text(name)
        assert_fits(page)


def test_filters_in_effect_show_the_longest_names_completely(ui: Ui, team: Organization, owner: Person) -> None:
    name = NAMES["one-word"]
    key_id = next(key["id"] for key in team.client.get("/v1/api-keys", {"q": name}).data)
    mcp_id = next(mcp["id"] for mcp in team.client.get("/v1/mcps").data if mcp["name"] == name)
    page = ui.window(owner)
    for path in (
        *(f"/keys?mcp_id={mcp_id}", f"/keys?q={name}", f"/activity?mcp_id={mcp_id}"),
        *(f"/alerts?key_id={key_id}", f"/audit?resource={key_id}"),
    ):
        page.goto(path)
        expect(page.locator("a.chip .chip-text")).to_contain_text(name)
        assert_fits(page)


def test_a_note_with_several_lines_is_wrapped(ui: Ui, team: Organization, owner: Person) -> None:
    page = ui.open("/audit?type=api_key.revoked", owner)
    expect(page.locator(".audit-sentence")).to_contain_text("Reported by <b>Ada</b> &")
    assert_fits(page)
    page.locator(".audit-sentence").click()
    expect(page.locator(".statement")).to_contain_text("Reported by <b>Ada</b> &")
    assert_fits(page)
