"""POST /v1/api-keys: the plan's limit holds, also for concurrent requests (I10)."""

from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Organization


def _create(org: Organization) -> Response:
    return org.client.post("/v1/api-keys", {"name": "Deploy"})


def test_the_free_plan_allows_two_keys(api: Api) -> None:
    org = api.organization("free")
    assert _create(org).status == 201
    refused = _create(org)
    assert (refused.status, refused.code) == (403, "key_limit_reached")
    assert refused.details == {"limit": 2, "used": 2, "plan": "free"}
    assert "www-authenticate" not in refused.headers


def test_fifty_concurrent_requests_leave_exactly_ten_keys(api: Api) -> None:
    org = api.organization("pro")
    answers = concurrently(range(50), lambda _: _create(org))
    codes = [answer.status if answer.status == 201 else answer.code for answer in answers]
    # A request that waits longer than the log's time limit gets 503, and no key was created for it.
    assert set(codes) <= {201, "key_limit_reached", "unavailable"}
    while codes.count(201) < 9 and codes.count("unavailable"):
        codes.remove("unavailable")
        codes.append(_create(org).status)
    assert codes.count(201) == 9, "the manager is the tenth key"
    assert _create(org).code == "key_limit_reached"
    assert org.client.get("/v1/api-keys").json["pagination"]["total"] == 10
    assert api.database.rows("select keys_active from organization_guard where organization_id = %s", org.id) == [(10,)]


def test_a_disabled_key_counts_towards_the_limit(api: Api) -> None:
    org = api.organization("free")
    key = org.key()
    org.client.post(f"{key.path}/disable")
    assert _create(org).code == "key_limit_reached"


def test_a_revoked_key_does_not_count_towards_the_limit(api: Api) -> None:
    org = api.organization("free")
    key = org.key()
    org.client.delete(key.path)
    assert _create(org).status == 201


def test_an_expired_key_does_not_count_before_its_expiry_is_recorded(api: Api) -> None:
    """The expiry is not recorded yet because these servers have no worker."""
    org = api.organization("free")
    expired = org.expired_key()
    assert _create(org).status == 201
    assert api.events_of(expired.id) == ["api_key.created", "api_key.expired"]
    assert org.activity(expired)[0]["actor"] == {"type": "system", "id": "expiry"}
    refused = _create(org)
    assert (refused.code, refused.details) == ("key_limit_reached", {"limit": 2, "used": 2, "plan": "free"})


def test_an_expired_key_makes_room_for_one_of_several_concurrent_requests(api: Api) -> None:
    org = api.organization("free")
    expired = org.expired_key(environment="test")
    answers = concurrently(range(8), lambda _: _create(org))
    assert sorted(answer.status for answer in answers) == [201] + [403] * 7
    assert api.events_of(expired.id) == ["api_key.created", "api_key.expired"]
    assert api.database.rows("select keys_active from organization_guard where organization_id = %s", org.id) == [(2,)]


def test_a_repeated_creation_that_replaced_an_expired_key_gets_the_first_response(api: Api) -> None:
    org = api.organization("free")
    org.expired_key()
    first, second = (org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="one") for _ in range(2))
    assert (first.status, second.status, second.data["id"]) == (201, 201, first.data["id"])
    assert second.headers["idempotency-replayed"] == "true"


def test_a_plan_without_a_key_limit_allows_any_number(org: Organization) -> None:
    assert all(_create(org).status == 201 for _ in range(12))
