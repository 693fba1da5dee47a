"""GET /keys/{key_id}/activity and its tail."""

import re
from datetime import timedelta

import httpx2
import pytest

from infrastructure.clock import now
from projections.log_queries.activity.queries import SCAN_MAX
from tests.app import recorded_uses
from tests.app.organizations import Api, Organization
from tests.app.pages.keys.signed_in import signed_in
from tests.app.people import COOKIE, Person, person


def rows(text: str) -> list[str]:
    """Return the ids of the entries of a page."""
    return re.findall(r'<tr role="row" id="(evt_\w+)"', text)


def place(text: str) -> tuple[str, str]:
    """Return the address of the tail and its `after`."""
    (found,) = re.findall(r'data-tail="([^"]+)" data-after="([^"]+)"', text)
    return found[0].replace("&amp;", "&"), found[1]


def ask(api: Api, member: Person | None, tail: tuple[str, str]) -> httpx2.Response:
    headers = {"HX-Request": "true", **({} if member is None else {"Cookie": f"{COOKIE}={member.secret}"})}
    return httpx2.get(f"{api.url}{tail[0]}{'&' if '?' in tail[0] else '?'}after={tail[1]}", headers=headers)


def test_uses_and_changes_are_listed_with_words(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    key, owner = org.key(), person(api, org.id, "owner")
    org.verify(key.secret, mcp_id=jira, tool="add")
    owner.client.post(f"{key.path}/disable")
    with signed_in(api, owner) as opened:
        text = opened.go(f"/keys/{key.id}/activity").text
    assert len(rows(text)) == 3
    assert f"Disabled by {owner.email}" in text
    assert "<code>add</code> on Jira" in text
    assert "MCP not permitted" in text


def test_a_key_that_was_never_used_says_so_and_leads_to_its_snippets(api: Api, org: Organization) -> None:
    key, revoked = org.key(), org.key()
    org.client.post(f"{revoked.path}/revoke")
    unused = "This key hasn't been used yet."
    with signed_in(api, person(api, org.id, "owner")) as opened:
        assert unused in opened.go(f"/keys/{key.id}/activity").text
        (link,) = [link for link in opened.links if link.endswith("#use-title")]
        assert 'id="use-title"' in opened.go(link).text
        assert unused not in opened.go(f"/keys/{key.id}/activity?status=denied").text
        text = opened.go(f"/keys/{revoked.id}/activity").text
        assert unused not in text
        assert "This key was never used." in text
        org.verify(key.secret)
        assert unused not in opened.go(f"/keys/{key.id}/activity").text


def test_each_filter_has_an_address_and_a_link_that_removes_it(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    key = org.key(permissions={"mcps": [jira]})
    org.verify(key.secret, mcp_id=jira, tool="add")
    org.verify(key.secret)
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    soon = (now() + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    with signed_in(api, person(api, org.id, "owner")) as opened:
        for query, found in (
            ("status=denied", 1),
            ("reason=disabled_key", 1),
            (f"mcp_id={jira}", 1),
            ("tool=add", 1),
            ("ip=127.0.0.1", 2),
            ("ip=192.0.2.1", 0),
            ("secret_version=1", 3),
            ("secret_version=2", 0),
            (f"from={soon}", 0),
            (f"to={soon}", 5),
            ("status=denied&tool=add", 0),
        ):
            page = opened.go(f"/keys/{key.id}/activity?{query}")
            assert (page.status_code, len(rows(page.text))) == (200, found), query
            assert f"/keys/{key.id}/activity" in opened.links


def test_a_filter_that_cannot_be_read_is_explained_and_kept(api: Api, org: Organization) -> None:
    key = org.key()
    with signed_in(api, person(api, org.id, "owner")) as opened:
        page = opened.go(f"/keys/{key.id}/activity?ip=nowhere&from=yesterday&tool=add")
        assert page.status_code == 422
        assert 'value="nowhere"' in page.text
        assert 'value="add"' in page.text
        assert 'id="from-error"' in page.text


def test_a_search_that_ended_early_says_how_far_it_went_and_goes_on(api: Api, org: Organization) -> None:
    key = org.key()
    at = now()
    old = recorded_uses.uses(org, key, 1, at - timedelta(hours=2), code="rate_limited")
    recorded_uses.record(org, at - timedelta(hours=2), old)
    recorded_uses.record(org, at, recorded_uses.uses(org, key, SCAN_MAX + 10, at))
    with signed_in(api, person(api, org.id, "owner")) as opened:
        text = opened.go(f"/keys/{key.id}/activity?status=denied").text
        assert rows(text) == []
        assert f"Searched the latest {SCAN_MAX:,} uses" in text
        (further,) = [link for link in opened.links if "cursor=" in link]
        assert rows(opened.go(further).text) == [old[0].id]


def test_older_pages_are_reached_by_a_link(api: Api, org: Organization) -> None:
    key = org.key()
    at = now()
    recorded_uses.record(org, at, recorded_uses.uses(org, key, 60, at))
    with signed_in(api, person(api, org.id, "owner")) as opened:
        first = rows(opened.go(f"/keys/{key.id}/activity").text)
        (older,) = [link for link in opened.links if "cursor=" in link]
        second = rows(opened.go(older).text)
        assert (len(first), len(second)) == (50, 11)
        assert not set(first) & set(second)
        assert f"/keys/{key.id}/activity" in opened.links


def test_the_tail_returns_new_rows_once_and_otherwise_nothing(api: Api, org: Organization) -> None:
    jira = org.mcp(name="Jira")
    key, owner = org.key(permissions={"mcps": [jira]}), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        tail = place(opened.go(f"/keys/{key.id}/activity").text)
    nothing = ask(api, owner, tail)
    assert (nothing.status_code, nothing.content) == (204, b"")
    org.verify(key.secret)
    org.verify(key.secret, mcp_id=jira, tool="add")
    answer = ask(api, owner, (tail[0], nothing.headers["tail-after"]))
    assert len(rows(answer.text)) == 2
    assert answer.text.index("<code>add</code>") < answer.text.index("Verified"), "the newest row is the first"
    assert answer.headers["tail-count"] == "2"
    assert ask(api, owner, (tail[0], answer.headers["tail-after"])).status_code == 204


def test_the_tail_applies_the_filters_of_its_page(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        tail = place(opened.go(f"/keys/{key.id}/activity?status=denied").text)
    org.verify(key.secret)
    assert ask(api, owner, tail).status_code == 204
    org.client.post(f"{key.path}/disable")
    org.verify(key.secret)
    assert len(rows(ask(api, owner, tail).text)) == 1


@pytest.mark.parametrize(("uses", "count", "is_minimum"), [(70, "70", None), (130, "100", "true")])
def test_the_tail_counts_very_many_rows_instead_of_returning_them(
    api: Api, org: Organization, uses: int, count: str, is_minimum: str | None
) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        tail = place(opened.go(f"/keys/{key.id}/activity").text)
    at = now()
    recorded_uses.record(org, at, recorded_uses.uses(org, key, uses, at))
    answer = ask(api, owner, tail)
    assert (answer.status_code, answer.headers["tail-count"]) == (204, count)
    assert answer.headers.get("tail-more") == is_minimum


def test_a_tail_without_a_place_starts_at_the_newest_row(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    org.verify(key.secret)
    headers = {"HX-Request": "true", "Cookie": f"{COOKIE}={owner.secret}"}
    tail = f"/keys/{key.id}/activity/tail"
    started = httpx2.get(f"{api.url}{tail}", headers=headers)
    assert (started.status_code, rows(started.text), started.headers["tail-count"]) == (200, [], "0")
    org.verify(key.secret)
    assert len(rows(ask(api, owner, (tail, started.headers["tail-after"])).text)) == 1


def test_the_tail_of_an_ended_session_gets_401(api: Api, org: Organization) -> None:
    key, owner = org.key(), person(api, org.id, "owner")
    with signed_in(api, owner) as opened:
        tail = place(opened.go(f"/keys/{key.id}/activity").text)
    owner.client.delete("/v1/session")
    assert ask(api, owner, tail).status_code == 401
    assert ask(api, None, tail).status_code == 401


def test_a_row_leads_to_its_decision_or_change_for_those_who_may_see_it(api: Api, org: Organization) -> None:
    key = org.key(allowed_ips=["192.0.2.0/24"])
    org.verify(key.secret, ip="10.1.2.3")
    linked = re.compile(r'href="(/(?:activity|audit)/evt_\w+)"')
    with signed_in(api, person(api, org.id, "owner")) as opened:
        links = linked.findall(opened.go(f"/keys/{key.id}/activity").text)
        assert [link.split("/")[1] for link in links] == ["activity", "audit"]
        assert [opened.go(link).status_code for link in links] == [200, 200]
    member = person(api, org.id, "member")
    own = member.client.post("/v1/api-keys", {"name": "mine", "permissions": {"mcps": "*"}}).data["id"]
    with signed_in(api, member) as opened:
        text = opened.go(f"/keys/{own}/activity").text
    assert rows(text)
    assert not linked.search(text)
