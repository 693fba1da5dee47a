"""GET /v1/api-keys/review: how many active keys could be tighter."""

from datetime import timedelta

from app.api.api_keys import review
from domain.keys.permissions import Permissions
from infrastructure.clock import now
from tests.app.organizations import Api, Organization
from tests.app.people import person


def _counts(org: Organization) -> dict[str, tuple[int, bool]]:
    found = org.client.get("/v1/api-keys/review").data
    return {name: (count["keys"], count["exact"]) for name, count in found.items()}


def test_active_keys_are_counted_by_what_could_be_tighter(org: Organization) -> None:
    before = _counts(org)
    in_a_year = (now() + timedelta(days=365)).isoformat()
    org.key(name="endless")
    org.key(name="reaches all", permissions={"mcps": "*"}, expires_at=in_a_year)
    org.key(name="manages", permissions={"manage": ["keys:write"]}, expires_at=in_a_year)
    org.seeded_key(name="new", at=now() - timedelta(days=10), permissions=Permissions())
    revoked = org.seeded_key(name="old", at=now() - timedelta(days=100), permissions=Permissions(mcps="*"))
    expected = {"never_expire": 3, "unused": 1, "never_used": 2, "all_mcps": 2, "open_managers": 1}
    assert _counts(org) == {name: (before[name][0] + more, True) for name, more in expected.items()}
    org.client.post(f"{revoked.path}/revoke")
    expected = {"never_expire": 2, "unused": 0, "never_used": 1, "all_mcps": 1, "open_managers": 1}
    assert _counts(org) == {name: (before[name][0] + more, True) for name, more in expected.items()}


def test_each_count_is_that_of_the_list_with_the_same_criterion(org: Organization) -> None:
    org.seeded_key(name="old", at=now() - timedelta(days=100), permissions=Permissions(mcps="*"))
    criteria = {
        "never_expire": {"expires": "never"},
        "unused": {"unused_for_days": review.UNUSED_DAYS},
        "never_used": {"never_used_for_days": review.NEVER_USED_DAYS},
        "all_mcps": {"mcp_access": "all"},
        "open_managers": {"open_grant": "keys:write"},
    }
    counts = _counts(org)
    assert set(counts) == set(criteria)
    for name, query in criteria.items():
        total = org.client.get("/v1/api-keys", {"status": "active", **query}).json["pagination"]["total"]
        assert counts[name] == (total, True), name
        assert total > 0


def test_a_member_gets_the_numbers_of_their_own_keys(api: Api, org: Organization) -> None:
    member = person(api, org.id, "member")
    org.key(name="endless")
    member.client.post("/v1/api-keys", {"name": "mine"})
    counts = member.client.get("/v1/api-keys/review").data
    assert {name: count["keys"] for name, count in counts.items()} == {
        "never_expire": 1,
        "unused": 0,
        "never_used": 0,
        "all_mcps": 0,
        "open_managers": 0,
    }


def test_a_role_that_sees_no_keys_gets_no_numbers(api: Api, org: Organization) -> None:
    assert person(api, org.id, "viewer").client.get("/v1/api-keys/review").status == 403
