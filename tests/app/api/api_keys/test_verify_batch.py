"""POST /v1/api-keys/verify, concurrently: bad requests don't affect others, and no use is lost."""

from collections import Counter
from typing import Any

from tests.app.client import Response, concurrently
from tests.app.organizations import Api, Organization, unknown_secret

HOSTILE: list[tuple[dict[str, Any], set[int]]] = [
    ({"key": "\0" * 40}, {200}),
    ({"key": "\ud800"}, {400}),
    ({"key": "x" * 1_000_000}, {200}),
    ({"key": unknown_secret(), "user_agent": "\0\x1b[2J"}, {200}),
    ({"key": unknown_secret(), "ip": "\0"}, {422}),
    ({"key": unknown_secret(), "mcp_id": "mcp_" + "0" * 26, "tool": "\0"}, {422}),
    ({"key": unknown_secret(), "mcp_id": "mcp_" + "0" * 26, "tool": "x" * 200}, {200}),
    ({"key": unknown_secret(), "mcp_id": "mcp_\0" + "0" * 25}, {422}),
    ({"key": unknown_secret(), "user_agent": "\U0001f600" * 500}, {200}),
    ({"key": None}, {422}),
]


def test_valid_requests_are_served_among_concurrent_hostile_requests(api: Api, org: Organization) -> None:
    keys = [org.key() for _ in range(10)]
    requests: list[tuple[dict[str, Any], set[int], str | None]] = []
    for number in range(100):
        key = keys[number % len(keys)]
        body, statuses = HOSTILE[number % len(HOSTILE)]
        requests += [({"key": key.secret}, {200}, key.id), (body, statuses, None)]

    def send(request: tuple[dict[str, Any], set[int], str | None]) -> Response:
        return org.client.post("/v1/api-keys/verify", request[0])

    answers = concurrently(requests, send)
    for (body, statuses, key_id), answer in zip(requests, answers, strict=True):
        assert answer.status in statuses, (body, answer)
        if key_id is not None:
            assert (answer.data["valid"], answer.data["key_id"]) == (True, key_id)
        elif answer.status == 200:
            assert answer.data["code"] == "unauthorized"
    recorded = api.database.rows(
        "select key_id, count(*) from usage_events where caller_key_id = %s and code = 'valid' group by 1",
        org.manager.id,
    )
    assert dict(recorded) == Counter(key_id for _, _, key_id in requests if key_id is not None)
    assert org.client.get("/v1/api-keys").status == 200


def test_every_response_has_its_own_use(api: Api, org: Organization) -> None:
    key = org.key()
    ids = concurrently(range(100), lambda _: org.verify(key.secret)["event_id"])
    assert len(set(ids)) == 100
    found = api.database.rows("select count(*) from usage_events where event_id = any(%s)", list(ids))
    assert found == [(100,)]


def test_no_request_after_a_completed_revocation_is_accepted(org: Organization) -> None:
    for _ in range(5):
        key = org.key()
        assert org.verify(key.secret)["valid"] is True
        org.client.delete(key.path)
        assert concurrently(range(20), lambda _, k=key: org.verify(k.secret)["code"]) == ["revoked_key"] * 20
