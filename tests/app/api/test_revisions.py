"""If-Match: no caller overwrites a revision that it has not read."""

import pytest

from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Key, Organization

NAMES = [f"Name {number}" for number in range(8)]


def change(org: Organization, key: Key, verb: str, if_match: str) -> Response:
    match verb:
        case "PATCH":
            return org.client.patch(key.path, {"name": "Renamed"}, if_match=if_match)
        case "DELETE":
            return org.client.delete(key.path, if_match=if_match)
        case _ if verb in NAMES:
            return org.client.patch(key.path, {"name": verb}, if_match=if_match)
        case _:
            return org.client.post(f"{key.path}/{verb}", if_match=if_match)


OTHERS = [
    '"2"',
    '"2-gzip"',
    '"1-"',
    '"1-2"',
    '"1gzip"',
    '"1-gzip-br"',
    '"999999999"',
    '"9999999999"',
    '"0"',
    '"01"',
    '"2", "3"',
    '"-1"',
    '""',
    '"1e0"',
    '"one, 1"',
    '"*"',
]
"""Well-formed tags other than that of revision 1."""

MALFORMED = ["nonsense", "", "1", '"1', '"1" "2"', '"1", *', "W/", 'w/"1"', ",", '"1"; "2"', '"' + "1" * 2_000 + '"']
"""Values that are not lists of entity tags."""

verbs = pytest.mark.parametrize("verb", ["PATCH", "DELETE", "rotate", "revoke", "disable"])


@verbs
def test_a_change_with_the_current_etag_is_accepted(org: Organization, verb: str) -> None:
    key = org.key()
    etag = org.client.get(key.path).headers["etag"]
    answer = change(org, key, verb, etag)
    assert answer.status == 200
    assert answer.headers["etag"] not in {etag, ""}
    assert org.client.get(key.path).headers["etag"] == answer.headers["etag"]


@verbs
def test_a_change_with_another_revision_is_refused_and_changes_nothing(api: Api, org: Organization, verb: str) -> None:
    key = org.key()
    refused = change(org, key, verb, '"2"')
    assert (refused.status, refused.code) == (412, "revision_mismatch")
    assert api.events_of(key.id) == ["api_key.created"]


@pytest.mark.parametrize("if_match", [*OTHERS, *MALFORMED])
def test_any_value_other_than_the_current_etag_is_refused(org: Organization, if_match: str) -> None:
    refused = change(org, org.key(), "PATCH", if_match)
    assert (refused.status, refused.code) == (412, "revision_mismatch")


@verbs
def test_a_star_matches_any_revision(org: Organization, verb: str) -> None:
    assert change(org, org.key(), verb, "*").status == 200


@pytest.mark.parametrize("if_match", ['"1", "2"', '"7","1"', '"7" ,, "1"', 'W/"7", "1", "a,b"'])
def test_one_of_several_tags_is_enough(org: Organization, if_match: str) -> None:
    assert change(org, org.key(), "PATCH", if_match).status == 200


@verbs
def test_a_weak_etag_matches_the_same_revision(org: Organization, verb: str) -> None:
    key = org.key()
    assert change(org, key, verb, f"W/{org.client.get(key.path).headers['etag']}").status == 200


@pytest.mark.parametrize(
    "if_match", ['"1-gzip"', '"1-br"', '"1-zstd"', '"1--gzip"', '"1;gzip"', 'W/"1-gzip"', '"7", "1-gzip"']
)
def test_an_etag_with_a_coding_suffix_of_a_proxy_matches_the_same_revision(org: Organization, if_match: str) -> None:
    """Apache and Caddy add `-gzip` to the tag of a compressed response, and Jetty adds `--gzip`."""
    assert change(org, org.key(), "PATCH", if_match).status == 200


@pytest.mark.parametrize("if_match", ['W/"1"', 'W/"1", "2"', 'W/"7",W/"1"', '"7", W/"1"'])
def test_a_weak_etag_in_a_list_matches(org: Organization, if_match: str) -> None:
    assert change(org, org.key(), "PATCH", if_match).status == 200


@pytest.mark.parametrize("if_match", ['W/"2"', 'W/"2", "3"', 'W/"01"', 'W/ "1"', "W/1"])
def test_a_weak_etag_of_another_revision_is_refused(org: Organization, if_match: str) -> None:
    assert change(org, org.key(), "PATCH", if_match).code == "revision_mismatch"


def test_the_refusal_has_the_current_revision(org: Organization) -> None:
    assert change(org, org.key(), "PATCH", '"7"').details == {"current": 1}


def test_mcps_have_revisions(org: Organization) -> None:
    path = f"/v1/mcps/{org.mcp()}"
    seen = org.client.get(path).headers["etag"]
    assert org.client.patch(path, {"name": "Renamed"}, if_match=seen).headers["etag"] == '"2"'
    for refused in (
        org.client.patch(path, {"name": "Again"}, if_match=seen),
        org.client.delete(path, if_match=f"W/{seen}"),
        org.client.delete(path, if_match=f'{seen}, "3"'),
    ):
        assert (refused.status, refused.code, refused.details) == (412, "revision_mismatch", {"current": 2})
    assert org.client.delete(path, if_match=f'{seen}, "2"').status == 200


def test_a_foreign_key_is_not_found_with_any_revision(api: Api, org: Organization) -> None:
    foreign = api.organization().key()
    assert change(org, foreign, "PATCH", '"1"').code == "not_found"
    assert change(org, foreign, "PATCH", '"7"').code == "not_found"


def test_only_one_of_concurrent_changes_with_the_same_revision_succeeds(org: Organization) -> None:
    key = org.key()
    answers = concurrently(NAMES, lambda name: change(org, key, name, '"1"'))
    assert [answer.status for answer in answers].count(200) == 1
    assert {answer.code for answer in answers if answer.status != 200} <= {"revision_mismatch"}
    assert org.detail(key)["revision"] == 2


def test_concurrent_changes_with_a_star_succeed_or_conflict(api: Api, org: Organization) -> None:
    key = org.key()
    answers = concurrently(NAMES, lambda name: change(org, key, name, "*"))
    assert {answer.status for answer in answers} <= {200, 409}
    changed = [answer for answer in answers if answer.status == 200]
    assert len(api.events_of(key.id)) == 1 + len(changed)
    assert sorted(int(answer.headers["x-revision"]) for answer in changed) == list(range(2, 2 + len(changed)))
