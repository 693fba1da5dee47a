"""POST /v1/api-keys: the plan's limit holds, also when many ask at once (I10)."""

from tests.app.client import Answer, concurrently
from tests.app.organizations import Api, Organization


def _create(org: Organization) -> Answer:
    return org.client.post("/v1/api-keys", {"name": "Deploy"})


def test_the_free_plan_has_two_keys(api: Api) -> None:
    org = api.organization("free")
    assert _create(org).status == 201
    refused = _create(org)
    assert (refused.status, refused.code) == (403, "key_limit_reached")
    assert refused.details == {"limit": 2, "used": 2, "plan": "free"}
    assert "www-authenticate" not in refused.headers


def test_fifty_at_once_leave_exactly_ten(api: Api) -> None:
    org = api.organization("pro")
    answers = concurrently(range(50), lambda _: _create(org))
    codes = [answer.status if answer.status == 201 else answer.code for answer in answers]
    # Whoever waits for the others longer than the log lets them is told to come again, and nothing was made for them.
    assert set(codes) <= {201, "key_limit_reached", "unavailable"}
    while codes.count(201) < 9 and codes.count("unavailable"):
        codes.remove("unavailable")
        codes.append(_create(org).status)
    assert codes.count(201) == 9, "the manager is the tenth"
    assert _create(org).code == "key_limit_reached"
    assert org.client.get("/v1/api-keys").json["pagination"]["total"] == 10
    assert api.database.rows("select keys_active from organization_guard where organization_id = %s", org.id) == [(10,)]


def test_a_disabled_key_counts(api: Api) -> None:
    org = api.organization("free")
    key = org.key()
    org.client.post(f"{key.path}/disable")
    assert _create(org).code == "key_limit_reached"


def test_a_revoked_key_makes_room(api: Api) -> None:
    org = api.organization("free")
    key = org.key()
    org.client.delete(key.path)
    assert _create(org).status == 201


def test_a_key_past_its_expiry_makes_room_at_its_instant(api: Api) -> None:
    """Nobody has recorded the expiry yet: these servers have no worker."""
    org = api.organization("free")
    expired = org.expired_key()
    assert _create(org).status == 201
    assert api.events_of(expired.id) == ["api_key.created", "api_key.expired"]
    assert org.activity(expired)[0]["actor"] == {"type": "system", "id": "expiry"}
    refused = _create(org)
    assert (refused.code, refused.details) == ("key_limit_reached", {"limit": 2, "used": 2, "plan": "free"})


def test_a_key_past_its_expiry_makes_room_for_one_of_many_at_once(api: Api) -> None:
    org = api.organization("free")
    expired = org.expired_key(environment="test")
    answers = concurrently(range(8), lambda _: _create(org))
    assert sorted(answer.status for answer in answers) == [201] + [403] * 7
    assert api.events_of(expired.id) == ["api_key.created", "api_key.expired"]
    assert api.database.rows("select keys_active from organization_guard where organization_id = %s", org.id) == [(2,)]


def test_a_repeat_of_what_found_room_that_way_gets_its_answer(api: Api) -> None:
    org = api.organization("free")
    org.expired_key()
    first, second = (org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="one") for _ in range(2))
    assert (first.status, second.status, second.data["id"]) == (201, 201, first.data["id"])
    assert second.headers["idempotency-replayed"] == "true"


def test_a_plan_without_a_limit_has_none(org: Organization) -> None:
    assert all(_create(org).status == 201 for _ in range(12))
