"""Journeys: create a key, store its secret, and see its first use."""

import json
import re
import subprocess
from contextlib import nullcontext

import pytest
from playwright.sync_api import Error, expect

from tests.app.api.mcp.conftest import Upstream, start_upstream, upstream
from tests.app.organizations import Api, Organization
from tests.app.people import Person, person
from tests.ui.key_form import create, fill, fill_in, previewed
from tests.ui.looks import LIGHT, Look
from tests.ui.observer import REPLACED_REQUEST
from tests.ui.secret_traces import secret_traces
from tests.ui.ui import Ui

__all__ = ["start_upstream", "upstream"]

THE_KEY = "response 404: GET /keys/key_"
"""The page of a key, to which "Done" leads."""


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


def test_a_key_is_created_copied_and_used(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    ui.allow(THE_KEY)
    mcp_id = org.mcp(name="GitHub")
    page = ui.window(owner, look, permissions=["clipboard-read", "clipboard-write"])
    page.goto("/keys")
    page.get_by_role("link", name="Create API Key").click()
    fill_in(page)
    secret = create(page)
    page.get_by_role("button", name="Copy").first.click()
    page.get_by_text("Copied").wait_for()
    assert page.evaluate("navigator.clipboard.readText()") == secret
    expect(page.get_by_text("Waiting for first use…")).to_be_visible()
    assert org.verify(secret, mcp_id=mcp_id, tool="add", ip="10.1.2.3")["valid"]
    expect(page.get_by_text(re.compile("First used .*: add on GitHub, from 10.1.2.3."))).to_be_visible()
    done = page.get_by_role("button", name="Done")
    expect(done).to_be_disabled()
    page.get_by_label("I've stored it").check()
    done.click()
    page.wait_for_url("**/keys/key_*")
    assert secret_traces(page, secret) == []


def test_the_shell_snippet_makes_the_first_use_as_it_is(
    ui: Ui, org: Organization, owner: Person, upstream: Upstream
) -> None:
    org.client.post(f"/v1/mcps/{org.mcp(name='Calculator', endpoint_url=upstream.url)}/test")
    page = ui.open("/keys/new", owner)
    fill_in(page)
    create(page)
    expect(page.get_by_text("Calls add on Calculator. The arguments are an example.").first).to_be_visible()
    snippet = page.get_by_role("region", name="Shell snippet").inner_text()
    called = subprocess.run(["bash", "-c", snippet], capture_output=True, check=True)
    assert json.loads(called.stdout)["data"]["result"]["structuredContent"] == {"result": 1}
    expect(page.get_by_text(re.compile("First used .*: add on Calculator, from 127.0.0.1."))).to_be_visible()


@pytest.mark.parametrize("java_script", [True, False], ids=["with-scripts", "without-scripts"])
def test_the_tabs_of_snippets_work_without_javascript_and_only_copying_needs_it(
    ui: Ui, org: Organization, owner: Person, look: Look, *, java_script: bool
) -> None:
    key = org.key()
    page = ui.open(f"/keys/{key.id}", owner, look, java_script=java_script)
    shell, dotenv = (page.get_by_role("region", name=f"{name} snippet") for name in ("Shell", ".env"))
    expect(shell).to_be_visible()
    expect(dotenv).to_be_hidden()
    page.get_by_text(".env", exact=True).click()
    expect(dotenv).to_have_text(f"KEYLEDGER_KEY={key.secret[:12]}…")
    expect(shell).to_be_hidden()
    expect(page.locator("[data-copy]:visible")).to_have_count(1 if java_script else 0)


@pytest.mark.parametrize("java_script", [True, False], ids=["with-scripts", "without-scripts"])
def test_a_choice_of_an_expiration_shows_what_it_means(ui: Ui, owner: Person, look: Look, *, java_script: bool) -> None:
    page = ui.open("/keys/new", owner, look, java_script=java_script)
    forever = page.get_by_text("This key will keep working until someone revokes it.")
    last_day = page.get_by_label("Last day")
    expect(page.get_by_label("90 days")).to_be_checked()
    expect(forever).to_be_hidden()
    with previewed(page) if java_script else nullcontext():
        page.get_by_label("Never", exact=True).check()
    expect(forever).to_be_visible()
    page.get_by_label("On a date").check()
    expect(forever).to_be_hidden()
    expect(last_day).to_be_visible()


def test_the_secret_is_in_a_field_that_is_read_only_and_selected_as_a_whole(ui: Ui, owner: Person, look: Look) -> None:
    page = ui.open("/keys/new", owner, look)
    fill_in(page)
    secret = create(page)
    field = page.get_by_label("API key")
    expect(field).not_to_be_editable()
    expect(field).to_have_attribute("autocomplete", "off")
    expect(field).to_have_css("font-size", "18px")
    expect(field).to_have_css("user-select", "all")
    assert secret.startswith("pk_live_")
    assert page.url.endswith("/keys/new")


def test_leaving_needs_the_checkbox(ui: Ui, owner: Person, look: Look) -> None:
    page = ui.open("/keys/new", owner, look)
    fill_in(page)
    create(page)
    hint = page.get_by_text("If you lose the key, rotate it.")
    expect(hint).to_be_hidden()
    page.keyboard.press("Escape")
    expect(hint).to_be_visible()
    expect(page.get_by_role("dialog", name="Store this key now")).to_be_visible()
    page.get_by_label("I've stored it").check()
    expect(hint).to_be_hidden()
    page.get_by_label("I've stored it").uncheck()
    page.mouse.click(2, 2)
    expect(hint).to_be_visible()


def test_the_secret_is_gone_after_going_back_reloading_and_in_a_new_tab(ui: Ui, owner: Person, look: Look) -> None:
    page = ui.open("/keys/new", owner, look)
    fill_in(page)
    secret = create(page)
    page.reload()
    expect(page.get_by_role("heading", name="This key already exists")).to_be_visible()
    assert secret_traces(page, secret) == []
    page.goto("/account")
    # The page was never stored, so Chromium asks before it sends the form again.
    ui.allow("failed request: POST /keys/new: net::ERR_CACHE_MISS")
    with pytest.raises(Error, match="ERR_CACHE_MISS"):
        page.go_back()
    page.wait_for_url("chrome-error://**")
    assert secret not in page.content()
    tab = page.context.new_page()
    tab.goto("/keys/new")
    assert secret_traces(tab, secret) == []
    assert len(owner.client.get("/v1/api-keys", {"q": "prod-server"}).data) == 1


def test_leaving_the_page_empties_the_fields_with_the_secret(ui: Ui, owner: Person) -> None:
    page = ui.open("/keys/new", owner)
    fill_in(page)
    secret = create(page)
    assert secret_traces(page, secret) != []
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide'))")
    assert secret_traces(page, secret) == []


def test_refused_fields_keep_what_was_typed_and_get_the_focus(ui: Ui, owner: Person, look: Look) -> None:
    ui.expect("response 422: POST /keys/new")
    page = ui.open("/keys/new", owner, look)
    fill(page.get_by_label("Name", exact=True), "kept")
    fill(page.get_by_label("Description"), "In the vault")
    page.get_by_role("button", name="Create", exact=True).click()
    summary = page.get_by_role("alert").filter(has_text="needs your attention")
    expect(summary).to_be_focused()
    summary.get_by_role("link").click()
    assert page.url.endswith("#mcps")
    expect(page.get_by_label("Name", exact=True)).to_have_value("kept")
    expect(page.get_by_label("Description")).to_have_value("In the vault")


def test_the_effect_follows_the_picker(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    ui.allow(REPLACED_REQUEST)
    for name in ("GitHub", "Jira"):
        org.mcp(name=name)
    page = ui.open("/keys/new", owner, look)
    effect = page.get_by_role("status").filter(has_text="Can't manage anything.")
    expect(effect).to_contain_text("Can't call any tools.")
    page.get_by_role("group", name="GitHub").get_by_text("All tools").click()
    expect(effect).to_contain_text("Can call all GitHub tools.")
    jira = page.get_by_role("group", name="Jira")
    jira.get_by_text("Selected tools").click()
    jira.get_by_label("Also allow tools that match").fill("get_*")
    expect(effect).to_contain_text("Can call all GitHub tools, and Jira tools that match get_*.")


def test_the_search_hides_other_servers(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    ui.allow(REPLACED_REQUEST)
    for name in ("GitHub", "Jira"):
        org.mcp(name=name)
    page = ui.open("/keys/new", owner, look)
    page.get_by_label("Search servers and tools").fill("jir")
    expect(page.get_by_role("group", name="GitHub")).to_be_hidden()
    expect(page.get_by_role("group", name="Jira")).to_be_visible()
    expect(page.get_by_text("1 of 2 servers matches.")).to_be_visible()
    page.get_by_label("Search servers and tools").press("Enter")
    expect(page).to_have_url(re.compile("/keys/new$"))
    expect(page.get_by_role("alert")).to_have_count(0)


def test_tools_appear_when_some_are_to_be_selected(
    ui: Ui, org: Organization, owner: Person, look: Look, upstream: Upstream
) -> None:
    ui.allow(REPLACED_REQUEST)
    mcp_id = org.mcp(name="Calculator", endpoint_url=upstream.url)
    org.client.post(f"/v1/mcps/{mcp_id}/test")
    page = ui.open("/keys/new", owner, look)
    server = page.get_by_role("group", name="Calculator")
    server.get_by_text("Selected tools").click()
    tool = server.get_by_role("checkbox", name=re.compile("^add"))
    tool.check()
    server.get_by_text("All tools").click()
    expect(tool).to_be_hidden()
    server.get_by_text("Selected tools").click()
    expect(tool).to_be_checked()
    expect(page.get_by_role("status").filter(has_text="Can call")).to_contain_text("add")


def test_the_limit_of_the_plan_is_explained(ui: Ui, api: Api, look: Look) -> None:
    org = api.organization("free")
    owner = person(api, org.id, "owner")
    org.seeded_key()
    page = ui.open("/keys", owner, look)
    page.get_by_role("link", name="Create API Key").click()
    expect(page.get_by_role("heading", name="Your plan has no room for another key")).to_be_visible()


def test_a_key_is_created_without_javascript(ui: Ui, org: Organization, owner: Person) -> None:
    ui.allow(THE_KEY)
    for name in ("GitHub", "Jira"):
        org.mcp(name=name)
    page = ui.open("/keys/new", owner, LIGHT, java_script=False)
    page.get_by_label("Name", exact=True).fill("prod-server")
    page.get_by_label("Search servers and tools").fill("jira")
    page.get_by_role("button", name="Search").click()
    expect(page.get_by_role("group", name="GitHub")).to_have_count(0)
    page.get_by_role("group", name="Jira").get_by_text("All tools").click()
    secret = create(page)
    assert org.verify(secret)["valid"]
    page.get_by_role("button", name="Done").click()
    assert page.url.endswith("/keys/new")  # the browser asks for the checkbox
    page.get_by_label("I've stored it").check()
    page.get_by_role("button", name="Done").click()
    page.wait_for_url("**/keys/key_*")


def test_the_marks_of_servers_follow_the_environment(ui: Ui, org: Organization, owner: Person, look: Look) -> None:
    org.mcp(name="GitHub")
    org.mcp(name="Sandbox", environment="test")
    page = ui.open("/keys/new", owner, look)
    expect(page.get_by_role("group", name="Sandbox test", exact=True)).to_be_visible()
    with previewed(page):
        page.get_by_role("group", name="GitHub").get_by_text("All tools").click()
    page.get_by_text("Advanced").click()
    page.get_by_label("Test", exact=True).check()
    expect(page.get_by_role("group", name="GitHub live", exact=True).get_by_label("All tools")).to_be_checked()
    expect(page.get_by_role("group", name="Sandbox", exact=True)).to_be_visible()
