"""Journeys: look at a key, rotate, edit, disable, enable and revoke it, and follow its activity."""

import re

import pytest
from playwright.sync_api import Page, expect

from infrastructure.clock import now
from tests.app import recorded_uses
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.key_form import fill
from tests.ui.looks import Look
from tests.ui.ui import Ui


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def rows(page: Page) -> int:
    return page.locator("[data-tail-rows] tr").count()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_key_is_rotated_and_the_old_secret_is_ended_early(
    ui: Ui, org: Organization, owner: Person, look: Look, *, java_script: bool
) -> None:
    key = org.key(name="prod")
    org.verify(key.secret)
    page = ui.open(f"/keys/{key.id}", owner, look, java_script=java_script)
    page.get_by_role("link", name="Rotate").click()
    page.get_by_label("7 days").check()
    page.get_by_role("button", name="Rotate key").click()
    new = page.get_by_label("API key").input_value()
    assert [org.verify(secret)["valid"] for secret in (key.secret, new)] == [True, True]
    page.get_by_label("I've stored it").check()
    page.get_by_role("button", name="Done").click()
    expect(page.get_by_text("Rotating")).to_be_visible()
    secrets = page.get_by_role("region", name="Secrets").locator("tbody tr")
    expect(secrets).to_have_count(2)
    expect(secrets.nth(0)).to_contain_text("Version 2")
    expect(secrets.nth(0)).to_contain_text("Current")
    expect(secrets.nth(1)).to_contain_text("in 6 days")
    page.get_by_role("link", name="Which secret is still used?").click()
    expect(page.get_by_role("heading", name="2 secrets work now")).to_be_visible()
    page.get_by_role("button", name="End version 1 now").click()
    expect(page.get_by_text("The earlier secret of “prod” has been refused since ")).to_be_visible()
    assert [org.verify(secret)["valid"] for secret in (key.secret, new)] == [False, True]


@pytest.mark.parametrize("java_script", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_key_is_disabled_enabled_and_revoked(
    ui: Ui, org: Organization, owner: Person, look: Look, *, java_script: bool
) -> None:
    key = org.key(name="prod")
    org.verify(key.secret)
    page = ui.open(f"/keys/{key.id}", owner, look, java_script=java_script)
    page.locator("summary", has_text="").filter(has=page.locator("svg")).last.click()
    page.get_by_role("link", name="Disable").click()
    page.get_by_role("button", name="Disable key").click()
    expect(page.get_by_text("This key is disabled.")).to_be_visible()
    assert org.verify(key.secret)["code"] == "disabled_key"
    page.get_by_role("link", name="Enable it").click()
    page.get_by_role("button", name="Enable key").click()
    expect(page.get_by_text("“prod” is enabled. It has worked again since ")).to_be_visible()
    assert org.verify(key.secret)["valid"] is True
    page.get_by_role("link", name="Revoke").click()
    page.get_by_label("Compromised").check()
    page.get_by_label("Type the key's name to confirm").fill("prod")
    page.get_by_role("button", name="Revoke key").click()
    expect(page.get_by_text("because it was compromised. Not used since.")).to_be_visible()
    assert org.verify(key.secret, ip="203.0.113.9")["code"] == "revoked_key"
    page.reload()
    expect(page.get_by_text("Refused 1 time since, most recently from 203.0.113.9.")).to_be_visible()


def test_a_stale_form_shows_both_values(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    ui.expect("response 412: POST /keys/key_")
    key = org.key(name="prod", permissions={"mcps": "*"})
    page = ui.open(f"/keys/{key.id}/edit", owner, look)
    org.client.patch(key.path, {"name": "theirs"})
    fill(page.get_by_label("Name", exact=True), "mine")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("row", name="Name theirs mine")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("mine")
    page.get_by_role("button", name="Save anyway").click()
    expect(page.get_by_role("heading", name="mine")).to_be_visible()


def test_the_tail_shows_new_rows_and_pauses(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner, look)
    assert rows(page) == 1
    unused = page.get_by_text("This key hasn't been used yet.")
    expect(unused).to_be_visible()
    org.verify(key.secret)
    expect(page.locator("[data-tail-rows] tr")).to_have_count(2)
    expect(unused).to_have_count(0)
    expect(page.locator("[data-tail-status]")).to_have_text("1 new")
    page.get_by_role("button", name="Pause").click()
    org.verify(key.secret)
    page.wait_for_timeout(2_500)
    assert rows(page) == 2
    page.keyboard.press("p")
    expect(page.locator("[data-tail-rows] tr")).to_have_count(3)


def test_the_first_match_of_a_filter_replaces_the_empty_state(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity?status=denied", owner)
    expect(page.get_by_text("No matches.")).to_be_visible()
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    expect(page.get_by_role("row", name="Disabled key")).to_be_visible()
    expect(page.get_by_text("No matches.")).to_be_hidden()


def test_the_tail_waits_while_the_table_has_the_focus(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner)
    page.locator(".table-region").focus()
    org.verify(key.secret)
    page.wait_for_timeout(2_500)
    assert rows(page) == 1
    expect(page.get_by_text("Paused while you read")).to_be_visible()
    page.locator("#ip").focus()
    expect(page.locator("[data-tail-rows] tr")).to_have_count(2)


def test_the_tail_shows_a_link_instead_of_very_many_rows(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner)
    at = now()
    recorded_uses.record(org, at, recorded_uses.uses(org, key, 70, at))
    expect(page.get_by_role("link", name="70 more")).to_be_visible()
    expect(page.locator("[data-tail-status]")).to_have_text("70 new")
    org.verify(key.secret)
    expect(page.get_by_role("link", name="71 more")).to_be_visible()
    assert rows(page) == 1, "newer rows would leave a gap"
    page.get_by_role("link", name="71 more").click()
    expect(page.locator("[data-tail-rows] tr")).to_have_count(50)
    expect(page.get_by_role("link", name="Newer")).to_have_count(0)


def test_a_number_that_the_tail_does_not_know_is_a_minimum(ui: Ui, org: Organization, owner: Person) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner)
    at = now()
    recorded_uses.record(org, at, recorded_uses.uses(org, key, 1_230, at))
    expect(page.get_by_role("link", name="At least 100 more")).to_be_visible()


def test_the_tail_stops_when_the_session_ends_elsewhere(ui: Ui, org: Organization, owner: Person) -> None:
    ui.expect("response 401: GET /keys/key_")
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    owner.client.delete("/v1/session")
    expect(page.locator("[data-tail-state]", has_text="Your session has ended.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    asked = len(requests)
    page.wait_for_timeout(4_500)
    assert len(requests) == asked, "the page says so once, and asks no more"


def test_activity_is_filtered_and_followed_by_a_link_without_scripts(
    ui: Ui, org: Organization, owner: Person, look: Look
) -> None:
    key = org.key(name="prod")
    page = ui.open(f"/keys/{key.id}/activity", owner, look, java_script=False)
    org.verify(key.secret)
    page.get_by_role("link", name="Newer").click()
    assert rows(page) == 2
    page.get_by_label("Outcome").select_option("Refused")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_url(re.compile("status=denied"))
    expect(page.get_by_text("No matches.")).to_be_visible()
