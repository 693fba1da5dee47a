"""GET and POST /keys/new."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.members.events import Role
from tests.app.api.mcp.conftest import Upstream, start_upstream, upstream
from tests.app.browser import Browser, Form
from tests.app.organizations import Api, Organization
from tests.app.pages.keys.conftest import SignIn
from tests.app.people import COOKIE, Person, person

__all__ = ["start_upstream", "upstream"]

SECRET = re.compile(r"pk_(?:live|test)_[0-9A-Za-z]{30,}")
NOTHING_CHOSEN = "This key can&#39;t do anything yet. Choose at least one MCP server."


def form_of(screen: Browser) -> Form:
    (form,) = [form for form in screen.forms if form.action == "/keys/new"]
    return form


def limit_tools(screen: Browser, mcp_id: str) -> None:
    """Show the form with the tools of a server to choose from."""
    screen.go("/keys/new")
    form = form_of(screen)
    screen.send(form, form.buttons.index(("action", "search")), **{f"access-{mcp_id}": "some"})


def create(screen: Browser, **fields: str | list[str]) -> str:
    """Fill in the form and return the page."""
    screen.go("/keys/new")
    return screen.send(form_of(screen), **{"name": "prod-server", "mcps": "all", **fields}).text


def keys_of(member: Person) -> list[Any]:
    return member.client.get("/v1/api-keys", {"per_page": 100}).data


def created(screen: Browser, member: Person, **fields: str | list[str]) -> Any:  # noqa: ANN401 -- JSON
    """Create a key with the form and return it."""
    before = {key["id"] for key in keys_of(member)}
    text = create(screen, **fields)
    assert screen.page.status_code == 200, text
    (key,) = [key for key in keys_of(member) if key["id"] not in before]
    return key


def test_the_response_shows_the_secret_once(screen: Browser, org: Organization, admin: Person) -> None:
    text = create(screen, description="In the vault")
    secrets = set(SECRET.findall(text))
    assert len(secrets) == 1
    assert screen.path == "/keys/new"
    assert screen.page.history == []
    assert org.verify(secrets.pop())["valid"]
    assert "This is the only time you&#39;ll see" in text.replace("'", "&#39;")
    (key,) = [key for key in keys_of(admin) if key["name"] == "prod-server"]
    assert (key["description"], key["permissions"]["mcps"], key["environment"]) == ("In the vault", "*", "live")
    assert f'hx-get="/keys/{key["id"]}/first-use' in text


def test_a_reload_shows_no_secret_and_creates_no_second_key(screen: Browser, admin: Person) -> None:
    screen.go("/keys/new")
    form = form_of(screen)
    assert SECRET.search(screen.send(form, name="prod-server", mcps="all").text)
    screen.go("/keys/new")
    again = screen.send(form, name="prod-server", mcps="all")
    assert again.status_code == 200
    assert "This key already exists" in again.text
    assert "can't be shown again. Lost it? Rotate the key." in again.text
    assert not SECRET.search(again.text)
    assert [key["name"] for key in keys_of(admin)].count("prod-server") == 1


def test_a_changed_form_that_created_a_key_asks_before_it_creates_another(screen: Browser, admin: Person) -> None:
    screen.go("/keys/new")
    form = form_of(screen)
    screen.send(form, name="prod-server", mcps="all")
    refused = screen.send(form, name="other", mcps="all")
    assert refused.status_code == 422
    assert "This form already created a key." in refused.text
    assert SECRET.search(screen.send(form_of(screen)).text)
    assert {"prod-server", "other"} <= {key["name"] for key in keys_of(admin)}


def test_opening_the_form_again_shows_no_secret(screen: Browser, admin: Person) -> None:
    create(screen)
    for path in ("/keys/new", "/keys", "/account"):
        assert not SECRET.search(screen.go(path).text)


@pytest.mark.parametrize(("expires", "days"), [("30", 30), ("90", 90), ("365", 365)])
def test_presets_expire_after_days(screen: Browser, admin: Person, expires: str, days: int) -> None:
    key = created(screen, admin, expires=expires)
    assert _time(key["expires_at"]) - _time(key["created_at"]) == timedelta(days=days)


def test_a_key_expires_after_90_days_unless_chosen_otherwise(screen: Browser, admin: Person) -> None:
    key = created(screen, admin)
    assert _time(key["expires_at"]) - _time(key["created_at"]) == timedelta(days=90)


def test_a_key_works_until_the_end_of_its_last_day(screen: Browser, admin: Person) -> None:
    assert created(screen, admin, expires="date", expires_on="2099-12-31")["expires_at"] == "2100-01-01T00:00:00Z"


def test_a_key_can_be_permanent(screen: Browser, admin: Person) -> None:
    assert created(screen, admin, expires="never")["expires_at"] is None


def test_servers_and_tools_are_selected(screen: Browser, org: Organization, admin: Person) -> None:
    github, jira, postgres, other = (org.mcp(name=name) for name in ("GitHub", "Jira", "Postgres", "Other"))
    fields = {
        "mcps": "selected",
        f"access-{github}": "all",
        f"access-{jira}": "some",
        f"tool-{jira}": ["get_ticket", "search[*]"],
        f"allow-{jira}": "list_*,  get_ticket",
        f"access-{postgres}": "some",
        f"deny-{postgres}": "drop_*",
        f"access-{other}": "none",
        f"allow-{other}": "ignored_*",
    }
    permissions = created(screen, admin, **fields)["permissions"]
    assert set(permissions["mcps"]) == {github, jira, postgres}
    assert permissions["tools"] == {
        jira: {"allow": ["get_ticket", "search[[][*]]", "list_*"], "deny": []},
        postgres: {"allow": None, "deny": ["drop_*"]},
    }
    text = " ".join(re.sub(r"<[^>]+>", "", screen.page.text).split())
    assert "Can call all GitHub tools, Jira tools that match get_ticket," in text


def test_advanced_fields_are_stored(screen: Browser, admin: Person) -> None:
    key = created(
        screen,
        admin,
        environment="test",
        per_second="25",
        allowed_ips="10.0.0.0/8\r\n2001:db8::/32",
        metadata="team = search\r\n\r\nurl=https://a.example/?b=c",
        manage=["keys:read", "usage:read"],
    )
    assert (key["environment"], key["rate_limit"]) == ("test", {"per_second": 25})
    assert key["allowed_ips"] == ["10.0.0.0/8", "2001:db8::/32"]
    assert key["metadata"] == {"team": "search", "url": "https://a.example/?b=c"}
    assert key["permissions"]["manage"] == ["keys:read", "usage:read"]


@pytest.mark.parametrize("search", [None, "git"])
def test_a_key_without_access_is_refused(screen: Browser, org: Organization, admin: Person, search: str | None) -> None:
    org.mcp(name="GitHub")
    fields = {} if search is None else {"server_search": search}
    text = create(screen, mcps="selected", **fields)
    assert screen.page.status_code == 422
    assert NOTHING_CHOSEN in text
    assert [key for key in keys_of(admin) if key["name"] == "prod-server"] == []


def test_a_key_that_only_manages_is_accepted(screen: Browser, admin: Person) -> None:
    assert created(screen, admin, mcps="selected", manage="usage:read")["permissions"]["mcps"] == []


REFUSED = [
    ({"name": " "}, "name", "Must not be empty"),
    ({"name": "x" * 101}, "name", "Must have at most 100 characters"),
    ({"expires": "date", "expires_on": ""}, "expires_on", "Choose the last day"),
    ({"expires": "date", "expires_on": "2001-01-01"}, "expires_on", "Must be a future date"),
    ({"expires": "date", "expires_on": "9999-12-31"}, "expires_on", "Must be before the year 9999"),
    ({"expires": "soon"}, "expires", "Choose when the key expires"),
    ({"per_second": "many"}, "per_second", "Must be a whole number"),
    ({"per_second": "9" * 5_000}, "per_second", "Must be a whole number"),
    ({"expires": "9" * 5_000}, "expires", "Choose when the key expires."),
    ({"per_second": "0"}, "per_second", "Must be between 1 and"),
    ({"allowed_ips": "10.0.0.0/8 nowhere"}, "allowed_ips", "Address 2: "),
    ({"metadata": "team=a\nsearch"}, "metadata", "Line 2 must look like name=value."),
    ({"metadata": "a=1\na=2"}, "metadata", "Line 2 repeats the name a."),
]


@pytest.mark.parametrize(("fields", "name", "message"), REFUSED, ids=lambda value: str(value)[:30])
def test_a_refused_field_has_a_message_and_everything_is_kept(
    screen: Browser, admin: Person, fields: dict[str, str], name: str, message: str
) -> None:
    text = create(screen, **{"description": "Kept <b>", "metadata": "kept=yes", **fields})
    assert screen.page.status_code == 422
    assert f'href="#{name}"' in text
    assert f'id="{name}-error"' in text
    assert message in text
    kept = form_of(screen).fields
    expected = {"name": "prod-server", "description": "Kept <b>", "metadata": "kept=yes", "mcps": "all", **fields}
    assert {field: kept.get(field) for field in expected if field != "expires"} == {
        field: value for field, value in expected.items() if field != "expires"
    }
    assert not SECRET.search(text)


def test_selected_tools_need_a_tool_or_a_pattern(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="Files")
    text = create(screen, mcps="selected", **{f"access-{mcp_id}": "some"})
    assert screen.page.status_code == 422
    assert f'href="#server-{mcp_id}">Files: Choose at least one tool' in text


def test_a_search_finds_servers_without_a_script_and_keeps_the_form(
    screen: Browser, org: Organization, admin: Person
) -> None:
    chosen, found, other = (org.mcp(name=name) for name in ("GitHub", "Jira", "Postgres"))
    screen.go("/keys/new")
    form = form_of(screen)
    search = form.buttons.index(("action", "search"))
    text = screen.send(form, search, name="kept", server_search="jira", **{f"access-{chosen}": "all"}).text
    assert screen.page.status_code == 200
    assert [mcp_id in text for mcp_id in (chosen, found, other)] == [True, True, False]
    assert "1 of 3 servers matches." in text
    assert (form_of(screen).fields["name"], form_of(screen).fields[f"access-{chosen}"]) == ("kept", "all")


def test_the_form_shows_fifty_servers_and_every_chosen_one(screen: Browser, org: Organization, admin: Person) -> None:
    chosen = org.mcp(name="Zebra")
    for number in range(55):
        org.mcp(name=f"Server {number:02}")
    screen.go("/keys/new")
    form = form_of(screen)
    assert "6 servers not shown. Search to find them." in screen.page.text
    assert [f"Server {number:02}" in screen.page.text for number in (0, 49, 50)] == [True, True, False]
    text = screen.send(form, form.buttons.index(("action", "search")), **{f"access-{chosen}": "all"}).text
    assert ["Zebra" in text, "Server 48" in text, "Server 49" in text] == [True, True, False]
    text = screen.send(
        form, form.buttons.index(("action", "search")), server_search="server", **{f"access-{chosen}": "all"}
    ).text
    assert "55 of 56 servers match. The first 50 are shown." in text
    assert f'name="access-{chosen}" value="all" checked' in text


def test_the_tools_are_shown_of_servers_with_selected_tools_only(
    screen: Browser, org: Organization, admin: Person, upstream: Upstream
) -> None:
    limited, other = (org.mcp(name=name, endpoint_url=upstream.url) for name in ("Limited", "Other"))
    for mcp_id in (limited, other):
        org.client.post(f"/v1/mcps/{mcp_id}/test")
    screen.go("/keys/new")
    form = form_of(screen)
    assert f'name="tool-{limited}"' not in screen.page.text
    text = screen.send(form, form.buttons.index(("action", "search")), **{f"access-{limited}": "some"}).text
    assert [f'name="tool-{mcp_id}" value="add"' in text for mcp_id in (limited, other)] == [True, False]


def test_a_script_gets_the_tools_of_one_server(
    api: Api, screen: Browser, org: Organization, admin: Person, upstream: Upstream
) -> None:
    mcp_id = org.mcp(name="Calculator", endpoint_url=upstream.url)
    org.client.post(f"/v1/mcps/{mcp_id}/test")
    text = screen.go(f"/keys/permissions/tools/{mcp_id}").text
    assert f'name="tool-{mcp_id}" value="add"' in text
    assert f'name="deny-{mcp_id}"' in text
    assert "<html" not in text
    assert screen.go(f"/keys/permissions/tools/{api.organization().mcp()}").status_code == 404


def test_a_script_gets_the_servers_that_match(screen: Browser, org: Organization, admin: Person) -> None:
    chosen, found, other = (org.mcp(name=name) for name in ("GitHub", "Jira", "Postgres"))
    screen.go("/keys/new")
    form = form_of(screen)
    form.action = "/keys/permissions/servers"
    text = screen.send(form, server_search="JIRA", **{f"access-{chosen}": "all"}).text
    assert [mcp_id in text for mcp_id in (chosen, found, other)] == [True, True, False]
    assert "1 of 3 servers matches." in text
    assert "<html" not in text


def test_the_sentence_shows_the_effect(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="Wiki <i>")
    screen.go("/keys/new")
    form = form_of(screen)
    form.action = "/keys/permissions/preview"
    text = " ".join(screen.send(form, **{f"access-{mcp_id}": "some", f"allow-{mcp_id}": "get_*"}).text.split())
    assert text == "Can call Wiki &lt;i&gt; tools that match <code>get_*</code>. Can&#39;t manage anything."


def test_the_server_can_be_asked_for_its_tools(
    screen: Browser, org: Organization, admin: Person, upstream: Upstream
) -> None:
    mcp_id = org.mcp(name="Calculator", endpoint_url=upstream.url)
    limit_tools(screen, mcp_id)
    form = form_of(screen)
    text = screen.send(form, form.buttons.index(("ask", mcp_id)), name="kept").text
    assert screen.page.status_code == 200
    assert f'name="tool-{mcp_id}" value="add"' in text
    assert form_of(screen).fields["name"] == "kept"
    key = created(screen, admin, mcps="selected", **{f"access-{mcp_id}": "some", f"tool-{mcp_id}": "add"})
    assert key["permissions"]["tools"] == {mcp_id: {"allow": ["add"], "deny": []}}
    assert "&#34;tool&#34;:&#34;add&#34;,&#34;arguments&#34;:{&#34;numbers&#34;:[1]}" in screen.page.text
    assert "with the key that you stored." not in screen.page.text


def test_a_server_that_does_not_answer_keeps_the_form(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="Gone", endpoint_url="http://127.0.0.1:9/mcp")
    limit_tools(screen, mcp_id)
    form = form_of(screen)
    text = screen.send(form, form.buttons.index(("ask", mcp_id)), name="kept").text
    assert screen.page.status_code == 422
    assert "The server didn&#39;t list its tools" in text
    assert form_of(screen).fields["name"] == "kept"


def test_configurations_of_mcp_clients_appear_with_a_url(screen: Browser, org: Organization, admin: Person) -> None:
    assert "put a gateway in front of the server" in create(screen)
    assert "Claude Desktop" not in screen.page.text
    org.client.patch("/v1/organization", {"settings": {"connect.mcp_url": "https://gateway.example/{slug}/mcp"}})
    assert "Claude Desktop" in create(screen)
    assert "put a gateway in front of the server" not in screen.page.text


def test_the_limit_of_the_plan_is_explained(proxied_api: Api, screen: Browser) -> None:
    org = proxied_api.organization("free")
    owner = person(proxied_api, org.id, "owner")
    screen.keep_cookie(COOKIE, owner.secret)
    screen.go("/keys/new")
    form = form_of(screen)
    limit = owner.client.get("/v1/organization").data["limits"]["api_keys"]
    while owner.client.get("/v1/organization").data["usage"]["api_keys"] < limit:
        org.seeded_key()
    assert "Create API Key" in screen.go("/keys").text
    for text in (screen.go("/keys/new").text, screen.send(form, name="one more", mcps="all").text):
        assert "Your plan has no room for another key" in text
        assert f"allows {limit} key" in text
        assert "change the plan" in text


def test_a_member_gives_only_grants_of_their_role(screen: Browser, sign_in: SignIn) -> None:
    member = sign_in("member")
    text = screen.go("/keys/new").text
    assert 'value="usage:read"' in text
    assert 'value="members:read"' not in text
    assert created(screen, member, manage=["members:read", "usage:read"])["permissions"]["manage"] == ["usage:read"]


@pytest.mark.parametrize("role", ["viewer", "auditor"])
def test_roles_without_keys_cannot_create_one(screen: Browser, sign_in: SignIn, role: Role) -> None:
    sign_in(role)
    assert screen.go("/keys/new").status_code == 403


def test_names_of_servers_and_keys_are_escaped(screen: Browser, org: Organization, admin: Person) -> None:
    org.mcp(name="<script>alert(1)</script>")
    assert "<script>alert" not in screen.go("/keys/new").text
    assert "<script>alert" not in create(screen, name="<script>alert(2)</script>")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@pytest.mark.parametrize(("environment", "marked"), [("live", {"Sandbox": "test"}), ("test", {"GitHub": "live"})])
def test_servers_of_the_other_environment_are_marked(
    screen: Browser, org: Organization, admin: Person, environment: str, marked: dict[str, str]
) -> None:
    """A key reaches them only if it names them."""
    org.mcp(name="GitHub")
    org.mcp(name="Sandbox", environment="test")
    screen.go("/keys/new")
    screen.send(screen.form("/keys/new"), environment=environment, action="search")
    assert marks(screen) == marked
    key = admin.client.post("/v1/api-keys", {"name": "prod", "environment": environment}).data
    screen.go(f"/keys/{key['id']}/edit")
    assert marks(screen) == marked
    assert "Servers of the other environment are marked," in screen.page.text


def marks(screen: Browser) -> dict[str, str]:
    """Return the marks of the servers in the picker, by the name of the server."""
    pattern = r'<legend class="server-name">(.*?) <span class="badge[^>]*>(\w+)</span></legend>'
    return dict(re.findall(pattern, screen.page.text))
