"""Pages by number and by cursor in every list."""

import re
from collections.abc import Iterator

import pytest

from tests.app.api.api_keys.shapes import PAGINATION
from tests.app.client import Response
from tests.app.organizations import Api, Organization


def by_cursor(org: Organization, path: str, **params: object) -> Iterator[Response]:
    answer = org.client.get(path, params)
    yield answer
    while cursor := answer.json["pagination"]["next_cursor"]:
        answer = org.client.get(path, {**params, "cursor": cursor})
        yield answer


def ids(answers: Iterator[Response] | list[Response]) -> list[str]:
    return [item["id"] for answer in answers for item in answer.data]


LISTS = ["/v1/api-keys", "/v1/mcps", "activity"]
lists = pytest.mark.parametrize("path", LISTS)
numbered = pytest.mark.parametrize("path", LISTS[:2])


@pytest.fixture(scope="module")
def org(api: Api) -> Organization:
    """An organization with seven keys, seven MCPs and seven entries in the activity of the watched key."""
    org = api.organization()
    for _ in range(5):
        org.key()
    for _ in range(7):
        org.mcp()
    watched = org.key(name="Watched")
    for _ in range(6):
        org.verify(watched.secret)
    return org


def url_of(org: Organization, path: str) -> str:
    if path.startswith("/"):
        return path
    (watched,) = org.client.get("/v1/api-keys", {"q": "Watched"}).data
    return f"/v1/api-keys/{watched['id']}/activity"


@lists
@pytest.mark.parametrize("per_page", [1, 2, 3, 7, 100])
def test_all_pages_by_cursor_together_contain_every_item_once(org: Organization, path: str, per_page: int) -> None:
    whole = ids([org.client.get(url_of(org, path), {"per_page": 100})])
    pages = list(by_cursor(org, url_of(org, path), per_page=per_page))
    assert ids(pages) == whole
    assert len(whole) == len(set(whole)) == 7
    assert all(len(page.data) == per_page for page in pages[:-1])
    assert len(pages) == -(-len(whole) // per_page)


@lists
def test_every_page_has_all_pagination_fields(org: Organization, path: str) -> None:
    for answer in by_cursor(org, url_of(org, path), per_page=3):
        assert set(answer.json["pagination"]) - {"next_after"} == PAGINATION
        assert answer.json["pagination"]["per_page"] == 3


@numbered
def test_pages_by_number_contain_the_same_items(org: Organization, path: str) -> None:
    pages = [org.client.get(path, {"page": page, "per_page": 3}) for page in (1, 2, 3)]
    assert ids(pages) == ids([org.client.get(path, {"per_page": 100})])
    assert [page.json["pagination"] | {"next_cursor": None} for page in pages] == [
        {"page": page, "per_page": 3, "total": 7, "total_pages": 3, "next_cursor": None} for page in (1, 2, 3)
    ]
    beyond = org.client.get(path, {"page": 9, "per_page": 3})
    assert (beyond.data, beyond.json["pagination"]["next_cursor"]) == ([], None)


@numbered
def test_a_page_by_cursor_has_no_number(org: Organization, path: str) -> None:
    second = list(by_cursor(org, path, per_page=4))[1]
    assert second.json["pagination"]["page"] is None
    assert second.json["pagination"]["total"] == 7


@lists
def test_the_link_leads_to_the_next_page(org: Organization, path: str) -> None:
    extra = {"type": "api_key.used", "from": "2020-01-01T00:00:00Z"} if path == "activity" else {}
    first = org.client.get(url_of(org, path), {"per_page": 2, **extra})
    link = re.fullmatch(r'<(.+)>; rel="next"', first.headers["link"])
    assert link is not None
    followed = org.client.get(link[1])
    assert (
        followed.data
        == org.client.get(
            url_of(org, path), {"per_page": 2, "cursor": first.json["pagination"]["next_cursor"], **extra}
        ).data
    )
    assert not set(ids([first])) & set(ids([followed]))


@lists
def test_items_added_between_pages_do_not_shift_the_next_page(api: Api, path: str) -> None:
    org = api.organization()
    watched = org.key(name="Watched")
    for _ in range(4):
        org.key()
        org.mcp()
        org.verify(watched.secret)
    url = url_of(org, path)
    first = org.client.get(url, {"per_page": 3})
    expected = ids([org.client.get(url, {"per_page": 100})])
    org.key()
    org.mcp()
    org.verify(watched.secret)
    rest = org.client.get(url, {"per_page": 100, "cursor": first.json["pagination"]["next_cursor"]})
    assert ids([first, rest]) == expected


@lists
def test_a_tampered_cursor_is_refused(org: Organization, path: str) -> None:
    cursor: str = org.client.get(url_of(org, path), {"per_page": 1}).json["pagination"]["next_cursor"]
    for position in (0, 20, 45, len(cursor) - 2):
        letter = "A" if cursor[position] != "A" else "B"
        tampered = cursor[:position] + letter + cursor[position + 1 :]
        refused = org.client.get(url_of(org, path), {"per_page": 1, "cursor": tampered})
        assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"cursor"})


@lists
@pytest.mark.parametrize("cursor", ["", "x", "=", "AAAA", "%00", "a" * 10_000, "é", "../../etc"])
def test_a_malformed_cursor_is_refused(org: Organization, path: str, cursor: str) -> None:
    refused = org.client.get(url_of(org, path), {"cursor": cursor})
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"cursor"})


@lists
@pytest.mark.parametrize("other", LISTS)
def test_a_cursor_of_another_list_is_refused(api: Api, org: Organization, path: str, other: str) -> None:
    caller = org
    if path == other:
        caller = api.organization()
        caller.key(name="Watched")
    cursor = org.client.get(url_of(org, other), {"per_page": 1}).json["pagination"]["next_cursor"]
    refused = caller.client.get(url_of(caller, path), {"cursor": cursor})
    assert (refused.status, set(refused.details)) == (422, {"cursor"})


@pytest.mark.parametrize(
    "changed", [{"status": "active"}, {"sort": "name"}, {"order": "asc"}, {"q": "x"}, {"environment": "live"}]
)
def test_a_cursor_with_other_filters_is_refused(org: Organization, changed: dict[str, str]) -> None:
    cursor = org.client.get("/v1/api-keys", {"per_page": 1}).json["pagination"]["next_cursor"]
    refused = org.client.get("/v1/api-keys", {"cursor": cursor, **changed})
    assert (refused.status, set(refused.details)) == (422, {"cursor"})


@numbered
def test_a_cursor_and_a_page_number_are_refused_together(org: Organization, path: str) -> None:
    cursor = org.client.get(path, {"per_page": 1}).json["pagination"]["next_cursor"]
    refused = org.client.get(path, {"cursor": cursor, "page": 2})
    assert refused.details == {"cursor": "Send either page or cursor, not both"}


@lists
@pytest.mark.parametrize("per_page", ["0", "101", "-1", "x", "", "99999999999999999999"])
def test_a_page_has_1_to_100_items(org: Organization, path: str, per_page: str) -> None:
    refused = org.client.get(url_of(org, path), {"per_page": per_page})
    assert (refused.status, set(refused.details)) == (422, {"per_page"})
