"""Access to the pages of the dashboard: who may open each, and what everyone else gets."""

import re
from html import unescape

import httpx2
import pytest

from app.pages.page import Page
from app.pages.rendering import PAGE_HEADERS
from app.routes import DASHBOARD
from domain.grants import GRANTS
from domain.members.events import Role
from domain.members.roles import ROLES, grants_of, owns
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person, person

GET_PAGES = [page for page in DASHBOARD if page.method == "GET"]
POST_PAGES = [page for page in DASHBOARD if page.method == "POST"]
UNKNOWN = "01arz3ndektsv4rrffq69g5fav"


@pytest.fixture(scope="module")
def people(api: Api) -> dict[Role, Person]:
    organization_id = api.organization().id
    # An organization has one owner, who comes first.
    return {role: person(api, organization_id, role) for role in sorted(ROLES, key=owns, reverse=True)}


def name_of(page: Page) -> str:
    return f"{page.method} {page.path}"


def address_of(page: Page) -> str:
    """Return the address of the page for an id that does not exist."""
    return re.sub(r"\{(\w+)_id\}", lambda found: f"{found[1]}_{UNKNOWN}", page.path)


def admits(page: Page, role: Role) -> bool:
    if page.access == "owner":
        return owns(role)
    return page.access not in GRANTS or page.access in grants_of(role)


def get(api: Api, page: Page, secret: str | None) -> httpx2.Response:
    headers = {"Accept": "text/html"} if secret is None else {"Accept": "text/html", "Cookie": f"{COOKIE}={secret}"}
    return httpx2.get(api.url + address_of(page), headers=headers, timeout=30)


def test_every_page_is_declared_once() -> None:
    assert len({name_of(page) for page in DASHBOARD}) == len(DASHBOARD)


@pytest.mark.parametrize("page", GET_PAGES, ids=name_of)
def test_a_visitor_without_a_session_is_sent_to_sign_in(api: Api, page: Page) -> None:
    answer = get(api, page, None)
    assert answer.status_code == 303
    assert answer.headers["location"].partition("?")[0] == "/sign-in"
    assert get(api, page, "ks_unknown").status_code == 303


@pytest.mark.parametrize("page", GET_PAGES, ids=name_of)
@pytest.mark.parametrize("sent", [{"HX-Request": "true"}, {"Sec-Fetch-Dest": "empty"}], ids=["htmx", "fetch"])
def test_a_script_without_a_session_gets_401_and_no_page_to_insert(api: Api, page: Page, sent: dict[str, str]) -> None:
    answer = httpx2.get(api.url + address_of(page), headers={"Accept": "text/html", **sent}, timeout=30)
    assert answer.status_code == 401
    assert answer.text == ""


@pytest.mark.parametrize("page", GET_PAGES, ids=name_of)
def test_every_page_has_the_headers_of_pages(api: Api, people: dict[Role, Person], page: Page) -> None:
    """Pages about an id that does not exist have them too."""
    answer = get(api, page, people["owner"].secret)
    if answer.status_code not in {204, 303}:
        assert {name: answer.headers.get(name) for name in PAGE_HEADERS} == PAGE_HEADERS


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", GET_PAGES, ids=name_of)
def test_a_role_opens_its_own_pages_and_gets_403_for_the_rest(
    api: Api, people: dict[Role, Person], page: Page, role: Role
) -> None:
    answer = get(api, page, people[role].secret)
    assert answer.headers["content-type"].startswith("text/html")
    if not admits(page, role):
        assert answer.status_code == 403
        assert "Sign out" in answer.text, "the page is shown in the frame"
    elif "{" in page.path:
        assert answer.status_code == 404
    else:
        assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    ("role", "path", "cannot"),
    [
        ("viewer", "/keys", "You're a viewer, so you can't see keys."),
        ("auditor", "/keys/new", "You're an auditor, so you can't create, change and revoke keys."),
        ("member", "/audit", "You're a member, so you can't read the audit log."),
        ("admin", "/settings/plan", "You're an admin, so you can't do this."),
    ],
)
def test_a_refused_role_is_told_what_it_cannot_do_and_who_can_change_that(
    api: Api, people: dict[Role, Person], role: Role, path: str, cannot: str
) -> None:
    headers = {"Accept": "text/html", "Cookie": f"{COOKIE}={people[role].secret}"}
    text = unescape(httpx2.get(api.url + path, headers=headers).text)
    assert f"<p>{cannot}</p>" in text
    assert f"<p>{people['owner'].email} (owner) can" in text


@pytest.mark.parametrize("role", ROLES)
def test_the_sidebar_links_to_the_pages_of_the_role(api: Api, people: dict[Role, Person], role: Role) -> None:
    headers = {"Cookie": f"{COOKIE}={people[role].secret}"}
    content = httpx2.get(f"{api.url}/account", headers=headers).text
    linked = set(re.findall(r'<a href="([^"]+)"', content.partition("<main")[0]))
    for path in linked - {"#main"}:
        assert httpx2.get(api.url + path, headers=headers, follow_redirects=True).status_code == 200, path


@pytest.mark.parametrize("page", POST_PAGES, ids=name_of)
def test_a_form_needs_the_token_of_the_session(api: Api, people: dict[Role, Person], page: Page) -> None:
    headers = {"Cookie": f"{COOKIE}={people['owner'].secret}", "Origin": api.url}
    for token in ({"token": ""}, {"csrf_token": "wrong"}):
        answer = httpx2.post(api.url + address_of(page), data=token, headers=headers)
        assert answer.status_code == 403


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("page", POST_PAGES, ids=name_of)
def test_a_form_of_a_page_that_the_role_may_not_open_is_refused(
    api: Api, people: dict[Role, Person], page: Page, role: Role
) -> None:
    if admits(page, role):
        return
    token = people[role].client.get("/v1/session").data["csrf_token"]
    headers = {"Cookie": f"{COOKIE}={people[role].secret}", "Origin": api.url}
    answer = httpx2.post(api.url + address_of(page), data={"csrf_token": token}, headers=headers)
    assert answer.status_code == 403
