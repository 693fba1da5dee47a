"""POST /v1/api-keys/verify, many at once: one who asks badly spoils it for nobody, and none is lost."""

from collections import Counter
from typing import Any

from tests.app.client import Answer, concurrently
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


def test_of_two_hundred_at_once_the_honest_half_is_served(api: Api, org: Organization) -> None:
    keys = [org.key() for _ in range(10)]
    questions: list[tuple[dict[str, Any], set[int], str | None]] = []
    for number in range(100):
        key = keys[number % len(keys)]
        body, statuses = HOSTILE[number % len(HOSTILE)]
        questions += [({"key": key.secret}, {200}, key.id), (body, statuses, None)]

    def ask(question: tuple[dict[str, Any], set[int], str | None]) -> Answer:
        return org.client.post("/v1/api-keys/verify", question[0])

    answers = concurrently(questions, ask)
    for (body, statuses, key_id), answer in zip(questions, answers, strict=True):
        assert answer.status in statuses, (body, answer)
        if key_id is not None:
            assert (answer.data["valid"], answer.data["key_id"]) == (True, key_id)
        elif answer.status == 200:
            assert answer.data["code"] == "unauthorized"
    recorded = api.database.rows(
        "select key_id, count(*) from usage_events where caller_key_id = %s and code = 'valid' group by 1",
        org.manager.id,
    )
    assert dict(recorded) == Counter(key_id for _, _, key_id in questions if key_id is not None)
    assert org.client.get("/v1/api-keys").status == 200


def test_every_answer_names_a_use_of_its_own(api: Api, org: Organization) -> None:
    key = org.key()
    ids = concurrently(range(100), lambda _: org.verify(key.secret)["event_id"])
    assert len(set(ids)) == 100
    found = api.database.rows("select count(*) from usage_events where event_id = any(%s)", list(ids))
    assert found == [(100,)]


def test_none_that_starts_after_the_revocation_was_answered_is_accepted(org: Organization) -> None:
    for _ in range(5):
        key = org.key()
        assert org.verify(key.secret)["valid"] is True
        org.client.delete(key.path)
        assert concurrently(range(20), lambda _, k=key: org.verify(k.secret)["code"]) == ["revoked_key"] * 20
