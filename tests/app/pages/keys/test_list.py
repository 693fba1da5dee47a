"""GET /keys."""

import html
import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from domain.members.events import Role
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.browser import Browser
from tests.app.organizations import Api, Key, Organization
from tests.app.pages.keys.conftest import SignIn
from tests.app.people import COOKIE, Person, person


def names(screen: Browser) -> list[str]:
    return re.findall(r'class="row-name" href="[^"]+">([^<]*)<', screen.page.text)


def row_of(screen: Browser, key: Key) -> str:
    """Return the text of the row of a key."""
    (row,) = [row for row in re.findall(r"<tr.*?</tr>", screen.page.text, re.DOTALL) if key.id in row]
    return " ".join(re.sub(r"<[^>]+>", " ", row).split())


def access_of(screen: Browser, key: Key) -> str:
    """Return the text of the MCP access of a key."""
    (cell,) = re.findall(rf'{key.id}.*?data-label="MCP Access">(.*?)</td>', screen.page.text, re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", cell).split())


def test_a_row_has_the_creator_the_last_use_and_the_requests(
    proxied_api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    github = org.mcp(name="GitHub")
    data = admin.client.post("/v1/api-keys", {"name": "prod", "permissions": {"mcps": [github]}}).data
    key = Key(proxied_api, data["id"], data["key"], org.id)
    for _ in range(3):
        org.verify(key.secret, mcp_id=github, ip="192.0.2.7")
    count(proxied_api)
    screen.go("/keys")
    row = row_of(screen, key)
    assert admin.email in row
    assert "GitHub · 192.0.2.7" in row
    assert "3 requests in 14 days. Highest day: 3." in row


Change = tuple[str, dict[str, Any]] | None

CHANGES: list[tuple[Change, str]] = [
    (None, "Active"),
    (("rotate", {"overlap_seconds": 3600}), "Rotating"),
    (("disable", {}), "Disabled"),
    (("revoke", {"reason": "compromised"}), "Revoked"),
]


@pytest.mark.parametrize(("change", "badge"), CHANGES)
def test_a_row_has_a_badge_for_its_status(
    screen: Browser, org: Organization, admin: Person, change: Change, badge: str
) -> None:
    key = org.key()
    if change:
        org.client.post(f"{key.path}/{change[0]}", change[1])
    screen.go("/keys")
    assert row_of(screen, key).endswith(badge)


def test_a_key_that_ends_soon_is_expiring(screen: Browser, org: Organization, admin: Person) -> None:
    soon = org.key(expires_at=(now() + timedelta(days=13)).isoformat())
    later = org.key(expires_at=(now() + timedelta(days=15)).isoformat())
    screen.go("/keys")
    assert (row_of(screen, soon).split()[-1], row_of(screen, later).split()[-1]) == ("Expiring", "Active")


def test_ended_keys_stay_in_the_list_in_the_quiet_colour(screen: Browser, org: Organization, admin: Person) -> None:
    revoked, expired, active = org.key(), org.expired_key(), org.key()
    org.client.post(f"{revoked.path}/revoke", {"reason": "compromised"})
    screen.go("/keys")
    assert [row_of(screen, key).split()[-1] for key in (revoked, expired, active)] == ["Revoked", "Expired", "Active"]
    quiet = re.findall(r'<tr role="row" class="row-quiet">.*?</tr>', screen.page.text, re.DOTALL)
    assert len(quiet) == 2
    assert not [row for row in quiet if active.id in row]


def test_the_access_of_a_row_names_two_servers_and_counts_the_others(
    screen: Browser, org: Organization, admin: Person
) -> None:
    servers = [org.mcp(name=name) for name in ("GitHub", "Jira", "Postgres", "Slack", "Wiki")]
    every, some, two, none = (org.key(permissions={"mcps": mcps}) for mcps in ("*", servers, servers[:2], []))
    screen.go("/keys")
    assert [access_of(screen, key) for key in (every, some, two, none)] == [
        "All",
        "GitHub Jira +3",
        "GitHub Jira",
        "None",
    ]


def test_each_filter_is_a_chip_that_removes_it(screen: Browser, org: Organization, admin: Person) -> None:
    mcp_id = org.mcp(name="GitHub")
    org.key(name="alpha", permissions={"mcps": [mcp_id]}, expires_at=(now() + timedelta(days=5)).isoformat())
    filters = {
        "q": ("alpha", "“alpha”"),
        "status": ("active", "Status: Active"),
        "environment": ("live", "Environment: Live"),
        "mcp_id": (mcp_id, "MCP server: GitHub"),
        "created_by": (org.manager.id, "Created by: Manager"),
        "expiring_within_days": ("7", "Expires within 7 days"),
    }
    for name, (value, text) in filters.items():
        screen.go(f"/keys?{name}={value}")
        assert "alpha" in names(screen), name
        assert f'<a class="chip" href="/keys" hx-get="/keys"><span class="chip-text">{text}' in screen.page.text
    screen.go("/keys?" + "&".join(f"{name}={value}" for name, (value, _) in filters.items()))
    assert names(screen) == ["alpha"]
    assert screen.page.text.count('class="chip" href="/keys?') == len(filters)


def test_unused_keys_are_found(screen: Browser, org: Organization, admin: Person) -> None:
    org.seeded_key(name="old", at=now() - timedelta(days=100))
    org.key(name="new")
    screen.go("/keys?unused_for_days=90")
    assert names(screen) == ["old"]


def test_the_creator_is_chosen_by_name_with_their_number_of_keys(
    screen: Browser, org: Organization, admin: Person, api: Api
) -> None:
    for name in ("mine", "mine too"):
        admin.client.post("/v1/api-keys", {"name": name})
    former = person(api, org.id, "admin")
    former.client.post("/v1/api-keys", {"name": "left behind"})
    admin.client.delete(f"/v1/organization/members/{former.id}")
    org.key(name="theirs")
    text = screen.go("/keys").text
    assert f'<option value="{admin.id}">{admin.email} (2)</option>' in text
    assert f'<option value="{former.id}">{former.email} (1)</option>' in text
    screen.go(f"/keys?created_by={admin.id}")
    assert names(screen) == ["mine too", "mine"]
    assert f"Created by: {admin.email}<" in screen.page.text
    screen.go(f"/keys?created_by={org.manager.id}")
    assert f'<option value="{org.manager.id}" selected>Manager</option>' in screen.page.text


def test_a_member_has_no_creators_to_choose(screen: Browser, org: Organization, sign_in: SignIn) -> None:
    member = sign_in("member")
    member.client.post("/v1/api-keys", {"name": "mine"})
    org.key(name="theirs")
    assert 'name="created_by"' not in screen.go("/keys").text
    assert names(screen) == ["mine"]


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("expires=never", "Never expires"),
        ("mcp_access=all", "All MCP servers"),
        ("never_used_for_days=7", "Never used, created 7 days ago or earlier"),
        ("rotation_ends_within_days=1", "Old secret ends within 1 day"),
        ("open_grant=keys%3Awrite", "Can create, change and revoke keys, from any IP address"),
    ],
)
def test_filters_of_the_overview_are_chips_and_stay_when_the_form_is_submitted(
    screen: Browser, org: Organization, admin: Person, query: str, text: str
) -> None:
    page = screen.go(f"/keys?{query}").text
    assert f'<span class="chip-text">{text}' in page
    name = query.partition("=")[0]
    assert f'<input type="hidden" name="{name}"' in page


@pytest.mark.parametrize(
    ("sort", "ascending"), [("name", True), ("created_at", False), ("last_used", False), ("expires_at", True)]
)
def test_each_sort_has_a_link_in_both_directions(
    screen: Browser, org: Organization, admin: Person, sort: str, *, ascending: bool
) -> None:
    for days, name in ((3, "c"), (1, "a"), (2, "b")):
        org.key(name=name, expires_at=(now() + timedelta(days=days)).isoformat())
    given = "" if sort == "created_at" else f"?sort={sort}"
    screen.go(f"/keys{given}")
    first = names(screen)
    assert f'aria-sort="{"ascending" if ascending else "descending"}"' in screen.page.text
    (link,) = {link for link in screen.links if "order=" in link}
    screen.go(link.replace("&amp;", "&"))
    assert f'aria-sort="{"descending" if ascending else "ascending"}"' in screen.page.text
    if sort in {"name", "expires_at"}:
        dated = [name for name in names(screen) if name != "Manager"]
        assert [name for name in first if name != "Manager"] == ["a", "b", "c"]
        assert dated == ["c", "b", "a"]


def test_the_address_for_the_history_has_no_empty_fields(screen: Browser, org: Organization, admin: Person) -> None:
    page = screen.go("/keys?q=&status=active&mcp_id=&page=1&utm_source=mail", HX_Request="true")
    assert page.headers["hx-push-url"] == "/keys?status=active&page=1"


def test_the_result_is_announced(screen: Browser, org: Organization, admin: Person) -> None:
    org.key(name="alpha")
    assert 'role="status" id="results-status">1 key.</p>' in screen.go("/keys?q=alpha").text
    assert 'role="status" id="results-status">No keys match.</p>' in screen.go("/keys?q=nothing").text
    assert "Clear filters" in screen.page.text


@pytest.mark.usefixtures("admin")
def test_the_meter_says_which_keys_it_counts(screen: Browser, org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/revoke", {"reason": "compromised"})
    page = screen.go("/keys")
    assert "1 key, no limit" in page.text
    assert "Revoked and expired keys don't count." in page.text
    assert "1\N{EN DASH}2 of 2 keys." in page.text


@pytest.mark.usefixtures("admin")
def test_an_error_takes_the_place_of_the_content_for_a_script(screen: Browser) -> None:
    page = screen.go("/keys?cursor=nowhere", HX_Request="true")
    assert page.status_code == 422
    assert (page.headers["hx-retarget"], page.headers["hx-reselect"]) == ("#main", "#main")
    assert "hx-retarget" not in screen.go("/keys?cursor=nowhere").headers


def test_pages_are_linked(proxied_api: Api, screen: Browser, org: Organization, admin: Person) -> None:
    for number in range(51):
        org.seeded_key(name=f"key {number}")
    assert "1\N{EN DASH}50 of 52 keys. Times are UTC." in screen.go("/keys").text
    assert 'rel="next" href="/keys?page=2"' in screen.page.text
    screen.go("/keys?page=2")
    assert "51\N{EN DASH}52 of 52 keys." in screen.page.text
    assert 'rel="prev" href="/keys"' in screen.page.text


@pytest.mark.parametrize(("role", "checks"), [("owner", True), ("admin", True), ("member", False), ("auditor", False)])
def test_admins_and_owners_select_keys_to_revoke(
    proxied_api: Api, screen: Browser, org: Organization, role: Role, *, checks: bool
) -> None:
    member = person(proxied_api, org.id, role)
    if role == "member":
        member.client.post("/v1/api-keys", {"name": "own"})
    screen.keep_cookie(COOKIE, member.secret)
    assert ('form="bulk"' in screen.go("/keys").text) is checks


def test_a_member_sees_their_own_keys(screen: Browser, org: Organization, sign_in: SignIn) -> None:
    org.key(name="of another")
    member = sign_in("member")
    member.client.post("/v1/api-keys", {"name": "own"})
    screen.go("/keys")
    assert names(screen) == ["own"]


def test_a_new_organization_is_told_what_a_key_is(screen: Browser, org: Organization, sign_in: SignIn) -> None:
    sign_in("member")
    assert "No API keys yet. A key lets a program reach your MCP servers" in screen.go("/keys").text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\u05d0\u05d1\u05d2", "客户服务机器人", "\U0001f511" * 25]
)
def test_every_name_is_shown_as_it_is(screen: Browser, org: Organization, admin: Person, name: str) -> None:
    org.key(name=name)
    screen.go("/keys")
    assert name.replace("<", "&lt;").replace(">", "&gt;") in names(screen)


def test_a_search_that_checked_many_keys_can_be_continued(
    proxied_api: Api, screen: Browser, org: Organization, admin: Person
) -> None:
    template = org.key(name="Found").id
    for statement in OTHER_KEYS:
        proxied_api.database.rows(statement, template)
    assert "None of the keys that were searched so far match." in screen.go("/keys?q=found").text
    (further,) = re.findall(r'href="([^"]+)">Search further<', screen.page.text)
    screen.go(html.unescape(further))
    assert names(screen) == ["Found"] * 50
    assert "No keys match" not in screen.page.text
    screen.go("/keys?q=found&order=asc")
    (minimum,) = re.findall(r"1\N{EN DASH}50 of at least ([\d,]+) keys\.", screen.page.text)
    assert int(minimum.replace(",", "")) >= 50, "the total is not counted completely"


OTHER_KEYS = (
    # 5,100 older keys with the same name, which are too many to fetch all, and 20,000 newer ones with another name.
    """insert into key_list (key_id, organization_id, name, name_key, prefix, environment, status, created_by,
                             created_at, all_mcps, mcps)
       select 'key_' || lpad(n::text, 26, '0'), organization_id, name,
              case when n <= 5100 then name_key else chr(31) || 'other' end, prefix, environment, status, created_by,
              created_at + interval '1 day' * case when n <= 5100 then -1 else 1 end, all_mcps, mcps
       from key_list, generate_series(1, 25200) n where key_id = %s returning 1""",
    """insert into key_terms select organization_id, term, 'key_' || lpad(n::text, 26, '0')
       from key_terms, generate_series(1, 5100) n where key_id = %s returning 1""",
    """insert into key_state select 'key_' || lpad(n::text, 26, '0'), organization_id, version, state
       from key_state, generate_series(1, 5100) n where key_id = %s returning 1""",
)


def test_a_secret_in_the_search_is_cut_to_its_prefix(screen: Browser, org: Organization, admin: Person) -> None:
    key = org.key(name="leaked")
    org.key(name="other")
    for pasted in (key.secret, f"{key.secret[:14]}", f"{key.secret[:12]}…{key.secret[-4:]}"):
        page = screen.go(f"/keys?{urlencode({'status': 'active', 'q': pasted})}")
        assert names(screen) == ["leaked"]
        assert str(page.url).endswith(f"/keys?status=active&q={key.secret[:12]}")
    screen.go(f"/keys?q={key.secret[:11]}_")
    assert 'href="/keys/identify">Find out whose it is<' in screen.page.text
