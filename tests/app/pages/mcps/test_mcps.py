"""The pages of MCP servers: list, register, change, test, deactivate and delete."""

import html

import pytest

from app.pages.mcps.list import PER_PAGE
from domain.members.events import Role
from domain.usage.events import CallStatus
from infrastructure.clock import now
from tests.app.api.mcp.conftest import StartUpstream, Upstream
from tests.app.api.usage.usage_data import count, record
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.pages.conftest import OpenAs
from tests.app.people import person
from tests.projections.usage.uses import completed, used
from tests.ui.data import HARD_NAME

CREDENTIAL = "s3cret-of-the-server"


@pytest.fixture
def window(api: Api, org: Organization, open_as: OpenAs) -> Browser:
    return open_as(person(api, org.id, "admin"))


def test_a_new_organization_is_told_what_a_server_is_for(window: Browser) -> None:
    page = window.go("/mcps")
    assert "No MCP servers yet. Register one so your keys can reach it." in page.text
    assert "/mcps/new" in window.links


def test_the_list_shows_each_server_and_filters_by_status(org: Organization, window: Browser) -> None:
    wiki, hard = org.mcp(name="Wiki"), org.mcp(name=HARD_NAME)
    org.client.patch(f"/v1/mcps/{wiki}", {"status": "inactive"})
    page = window.go("/mcps")
    assert {f"/mcps/{wiki}", f"/mcps/{hard}"} <= set(window.links)
    assert html.escape(HARD_NAME) in page.text
    assert HARD_NAME not in page.text
    window.go("/mcps?status=inactive")
    assert f"/mcps/{wiki}" in window.links
    assert f"/mcps/{hard}" not in window.links
    assert "No MCP servers match." in window.go("/mcps?health=healthy").text


def test_the_first_page_has_an_address_without_an_empty_cursor(api: Api, open_as: OpenAs) -> None:
    org = api.organization("enterprise")
    for number in range(PER_PAGE + 1):
        org.mcp(name=f"Server {number}")
    window = open_as(person(api, org.id, "admin"))
    for path in ("/mcps", "/mcps?status=active"):
        window.go(path)
        (older,) = [link for link in window.links if "cursor=" in link]
        page = window.go(older)
        assert "Server 0" in page.text
        assert f'rel="first" href="{path}"' in page.text


def test_the_form_registers_a_server_and_never_shows_the_credential(org: Organization, window: Browser) -> None:
    window.go("/mcps/new")
    page = window.send(
        window.form("/mcps/new"),
        name="Wiki",
        endpoint_url="https://mcp.example.com/mcp",
        description="Pages",
        environment="live",
        auth_type="bearer",
        auth_secret=CREDENTIAL,
    )
    (mcp,) = org.client.get("/v1/mcps").data
    assert window.path == f"/mcps/{mcp['id']}"
    assert (mcp["name"], mcp["auth_type"], mcp["description"]) == ("Wiki", "bearer", "Pages")
    assert "The server is registered." in page.text
    assert "never shown" in page.text
    for path in (f"/mcps/{mcp['id']}", f"/mcps/{mcp['id']}/edit"):
        assert CREDENTIAL not in window.go(path).text


def test_a_service_that_is_no_mcp_server_is_shown_as_not_checked(org: Organization, window: Browser) -> None:
    window.go("/mcps/new")
    page = window.send(
        window.form("/mcps/new"), name="Orders", endpoint_url="https://orders.example.com", health_checks="off"
    )
    (mcp,) = org.client.get("/v1/mcps").data
    assert (mcp["health_checks"], mcp["health"]) == (False, "unknown")
    assert "Not checked" in page.text
    assert "Not checked" in window.go("/mcps").text
    window.go(f"/mcps/{mcp['id']}/edit")
    window.send(window.form(f"/mcps/{mcp['id']}/edit"), description="Of the shop")
    assert org.client.get(f"/v1/mcps/{mcp['id']}").data["health_checks"] is False
    window.go(f"/mcps/{mcp['id']}/edit")
    page = window.send(window.form(f"/mcps/{mcp['id']}/edit"), health_checks="on")
    assert "Not checked" not in page.text
    assert org.client.get(f"/v1/mcps/{mcp['id']}").data["health_checks"] is True


def test_a_refused_form_keeps_what_was_typed_but_not_the_credential(org: Organization, window: Browser) -> None:
    window.go("/mcps/new")
    page = window.send(
        window.form("/mcps/new"),
        name=HARD_NAME,
        endpoint_url="ftp://example.com",
        description="What I typed",
        environment="test",
        auth_type="bearer",
        auth_secret=CREDENTIAL,
    )
    assert page.status_code == 422
    assert 'href="#endpoint_url"' in page.text
    assert 'id="endpoint_url-error"' in page.text
    assert html.escape(HARD_NAME) in page.text
    assert "ftp://example.com" in page.text
    assert "What I typed" in page.text
    assert 'value="test" checked' in page.text
    assert CREDENTIAL not in page.text
    assert org.client.get("/v1/mcps").data == []


def test_sending_the_form_twice_registers_one_server(org: Organization, window: Browser) -> None:
    window.go("/mcps/new")
    form = window.form("/mcps/new")
    fields = {"name": "Wiki", "endpoint_url": "https://mcp.example.com/mcp", "environment": "live", "auth_type": "none"}
    window.send(form, **fields)
    window.send(form, **fields)
    assert len(org.client.get("/v1/mcps").data) == 1


def test_a_change_without_a_credential_keeps_the_stored_one(org: Organization, window: Browser) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=CREDENTIAL)
    window.go(f"/mcps/{mcp_id}/edit")
    form = window.form(f"/mcps/{mcp_id}/edit")
    window.send(form, name="Renamed", environment="live", auth_type="bearer", description="")
    mcp = org.client.get(f"/v1/mcps/{mcp_id}").data
    assert (window.path, mcp["name"], mcp["auth_type"]) == (f"/mcps/{mcp_id}", "Renamed", "bearer")
    (changed,) = org.client.get("/v1/audit/events", {"resource": mcp_id, "type": "mcp.updated"}).data
    assert changed["data"]["credential_replaced"] is False


def test_a_credential_is_not_sent_to_another_host(org: Organization, window: Browser) -> None:
    mcp_id = org.mcp(auth_type="bearer", auth_token=CREDENTIAL)
    window.go(f"/mcps/{mcp_id}/edit")
    form = window.form(f"/mcps/{mcp_id}/edit")
    page = window.send(form, endpoint_url="https://other.example.com/mcp", environment="live", auth_type="bearer")
    assert page.status_code == 422
    assert "Is at another host." in page.text


def test_a_stale_form_shows_who_changed_the_server_and_both_values(
    api: Api, org: Organization, window: Browser
) -> None:
    mcp_id = org.mcp(name="Wiki")
    colleague = person(api, org.id, "admin")
    window.go(f"/mcps/{mcp_id}/edit")
    form = window.form(f"/mcps/{mcp_id}/edit")
    colleague.client.patch(f"/v1/mcps/{mcp_id}", {"name": "Theirs"})
    page = window.send(form, name="Mine", environment="live", auth_type="none")
    assert page.status_code == 412
    assert f"{colleague.email} changed this at" in page.text
    assert "<dd>Theirs</dd>" in page.text
    assert 'value="Mine"' in page.text
    window.send(window.form(f"/mcps/{mcp_id}/edit"), name="Mine", environment="live", auth_type="none")
    assert org.client.get(f"/v1/mcps/{mcp_id}").data["name"] == "Mine"


def test_the_page_of_a_server_counts_the_keys_that_can_reach_it(org: Organization, window: Browser) -> None:
    mcp_id = org.mcp(name="Wiki")
    org.key(permissions={"mcps": [mcp_id]})
    page = window.go(f"/mcps/{mcp_id}")
    assert f"/keys?mcp_id={mcp_id}&status=active" in [html.unescape(link) for link in window.links]
    # The manager of the organization reaches all servers.
    assert '<span class="figure-value">2</span>' in page.text


def test_a_test_lists_the_tools_of_the_server(org: Organization, upstream: Upstream, window: Browser) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    window.go(f"/mcps/{mcp_id}/test")
    page = window.send(window.form(f"/mcps/{mcp_id}/test"))
    assert "The server responds." in page.text
    assert "4 tools" in page.text
    assert "word_count" in page.text
    assert "Add numbers and return their sum." in window.go(f"/mcps/{mcp_id}").text


def test_a_failed_test_gives_the_reason_in_words(
    org: Organization, start_upstream: StartUpstream, window: Browser
) -> None:
    server = start_upstream()
    mcp_id = org.mcp(endpoint_url=server.url)
    server.stop()
    window.go(f"/mcps/{mcp_id}/test")
    page = window.send(window.form(f"/mcps/{mcp_id}/test"))
    assert page.status_code == 200
    assert "The server could not be reached." in page.text
    assert "Nothing accepts connections at its address." in page.text


def test_a_server_is_deactivated_and_activated_again(org: Organization, window: Browser) -> None:
    mcp_id = org.mcp(name="Wiki")
    assert "1 active key can reach this server." in window.go(f"/mcps/{mcp_id}/deactivate").text
    page = window.send(window.form(f"/mcps/{mcp_id}/deactivate"))
    assert "This server is inactive." in page.text
    assert org.client.get(f"/v1/mcps/{mcp_id}").data["status"] == "inactive"
    window.go(f"/mcps/{mcp_id}/activate")
    window.send(window.form(f"/mcps/{mcp_id}/activate"))
    assert org.client.get(f"/v1/mcps/{mcp_id}").data["status"] == "active"


def test_a_server_is_deleted_after_its_name_was_typed(org: Organization, window: Browser) -> None:
    mcp_id = org.mcp(name="Wiki")
    page = window.go(f"/mcps/{mcp_id}/delete")
    assert "1 active key reaches it through “All MCP servers”. Calls to it will be refused." in page.text
    page = window.send(window.form(f"/mcps/{mcp_id}/delete"), confirmation="Other")
    assert page.status_code == 422
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 200
    window.send(window.form(f"/mcps/{mcp_id}/delete"), confirmation="wiki ")
    assert window.path == "/mcps"
    assert org.client.get(f"/v1/mcps/{mcp_id}").status == 404


def test_the_keys_that_lose_a_deleted_server_are_counted_by_how_they_reach_it(
    org: Organization, window: Browser
) -> None:
    mcp_id, unused = org.mcp(name="Wiki"), org.mcp(name="Unused", environment="test")
    for _ in range(2):
        org.key(permissions={"mcps": [mcp_id]})
    org.key(permissions={"mcps": "*"})
    expected = "2 active keys name this server, and 2 reach it through “All MCP servers”. Calls to it will be refused."
    assert expected in window.go(f"/mcps/{mcp_id}/delete").text
    text = window.go(f"/mcps/{mcp_id}").text
    assert "active, 2 through “All MCP servers”" in text
    assert f"/keys?mcp_id={mcp_id}&amp;status=active" in text
    assert "No active key can reach this server." in window.go(f"/mcps/{unused}/delete").text


def test_the_requests_the_errors_and_the_latency_of_a_server_are_charts_of_a_period(
    api: Api, org: Organization, window: Browser
) -> None:
    mcp_id, at = org.mcp(name="Wiki"), now()
    key = org.key(permissions={"mcps": [mcp_id]})
    calls = [used(key.id, at, organization_id=org.id, action="call", mcp_id=mcp_id) for _ in range(30)]
    outcomes: list[CallStatus] = ["error" if number % 10 == 0 else "success" for number in range(30)]
    ended = [
        completed(key.id, at, organization_id=org.id, mcp_id=mcp_id, call_id=call.id, latency_ms=7, status=status)
        for call, status in zip(calls, outcomes, strict=True)
    ]
    record(api, at, [*calls, *ended])
    count(api)
    for days in (1, 7, 30):
        text = window.go(f"/mcps/{mcp_id}?days={days}").text
        assert "Requests: 30 requests in" in text
        assert "Error rate: 10.0% of 30 calls in" in text
        assert "p50: 7 ms." in text
        links = [link for link in window.links if link.startswith("/v1/usage?") and f"mcp_id={mcp_id}" in link]
        assert len(links) == 3
    assert window.go(f"/mcps/{mcp_id}?days=90").status_code == 422


@pytest.mark.parametrize("role", ["viewer", "member", "auditor"])
def test_a_reader_sees_no_buttons_and_cannot_change(api: Api, org: Organization, open_as: OpenAs, role: Role) -> None:
    mcp_id = org.mcp(name="Wiki")
    window = open_as(person(api, org.id, role))
    assert window.go(f"/mcps/{mcp_id}").status_code == 200
    assert not [link for link in window.links if link.startswith(f"/mcps/{mcp_id}/")]
    window.go("/mcps")
    assert "/mcps/new" not in window.links
    for verb in ("edit", "test", "deactivate", "delete"):
        assert window.go(f"/mcps/{mcp_id}/{verb}").status_code == 403
    # A viewer sees no keys, so their number is not shown either.
    assert ("that can reach it" in window.go(f"/mcps/{mcp_id}").text) == (role != "viewer")


@pytest.mark.parametrize("verb", ["", "/edit", "/test", "/deactivate", "/activate", "/delete"])
def test_a_server_of_another_organization_does_not_exist(api: Api, window: Browser, verb: str) -> None:
    assert window.go(f"/mcps/{api.organization().mcp()}{verb}").status_code == 404
