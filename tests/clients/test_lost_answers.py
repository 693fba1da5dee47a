"""Answers that do not arrive, late answers, and answers that ask for patience."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from keyledger import (
    NO_RETRIES,
    RateLimited,
    Retries,
    SecretLost,
    Unavailable,
    UnexpectedAnswer,
    Unreachable,
)
from tests.app.api.mcp.conftest import Upstream
from tests.app.organizations import Api, Organization
from tests.clients.conftest import Caller, Connect
from tests.clients.flaky_proxy import Meddler, refusal
from tests.waiting import stretched

BUSY = '{"error":{"code":"rate_limited","message":"Slow down.","request_id":"req_1"}}'
DOWN = '{"error":{"code":"unavailable","message":"Not now.","request_id":"req_2"}}'


@pytest.fixture
def through(connect: Connect, meddler: Meddler, org: Organization) -> Caller:
    return connect(meddler.url, org.manager.secret)


def _names(org: Organization) -> list[str]:
    return [key["name"] for key in org.client.get("/v1/api-keys").data]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_created_key_whose_answer_is_lost_exists_once_and_gets_another_secret(
    org: Organization, meddler: Meddler, through: Caller, lost: int
) -> None:
    meddler.deeds = ["cut"] * lost
    made = through.do(lambda c: c.keys.create("Lost"))
    assert _names(org).count("Lost") == 1
    assert len(meddler.seen) == lost + 2
    assert len(set(meddler.headers_seen("Idempotency-Key"))) == 2, "of the creation and of the rotation"
    assert through.do(lambda c: c.verify(made.key)).valid


def test_a_key_created_under_a_key_of_ones_own_is_left_to_the_caller(
    org: Organization, meddler: Meddler, through: Caller
) -> None:
    meddler.deeds = ["cut"]
    with pytest.raises(SecretLost, match="Rotate key_") as raised:
        through.do(lambda c: c.keys.create("Lost", idempotency_key="mine"))
    assert _names(org).count("Lost") == 1
    rotated = through.do(lambda c: c.keys.rotate(raised.value.key_id))
    assert through.do(lambda c: c.verify(rotated.key)).valid


def test_a_request_that_never_arrived_is_sent_again_and_makes_one_key(
    org: Organization, meddler: Meddler, through: Caller
) -> None:
    meddler.deeds = ["drop", "drop"]
    made = through.do(lambda c: c.keys.create("Dropped"))
    assert _names(org).count("Dropped") == 1
    assert through.do(lambda c: c.verify(made.key)).valid


def test_two_calls_have_two_idempotency_keys(meddler: Meddler, through: Caller) -> None:
    through.do(lambda c: c.keys.create("One"))
    through.do(lambda c: c.keys.create("Two", idempotency_key="mine"))
    first, second = meddler.headers_seen("Idempotency-Key")
    assert (len(first), second) == (32, "mine")


@pytest.mark.parametrize("overlap_seconds", [None, 0, 60])
@pytest.mark.parametrize("if_match", [None, 1])
def test_a_lost_rotation_is_followed_by_one_that_is_not(
    api: Api, org: Organization, meddler: Meddler, through: Caller, overlap_seconds: int | None, if_match: int | None
) -> None:
    key = org.key()
    meddler.deeds = ["cut", "forward", "cut"]
    rotated = through.do(lambda c: c.keys.rotate(key.id, overlap_seconds=overlap_seconds, if_match=if_match))
    assert through.do(lambda c: c.verify(rotated.key)).valid
    assert api.events_of(key.id).count("api_key.rotated") == 3


def test_a_lost_rotation_under_a_key_of_ones_own_is_left_to_the_caller(
    api: Api, org: Organization, meddler: Meddler, through: Caller
) -> None:
    key = org.key()
    meddler.deeds = ["cut"]
    with pytest.raises(SecretLost):
        through.do(lambda c: c.keys.rotate(key.id, idempotency_key="mine"))
    assert api.events_of(key.id).count("api_key.rotated") == 1


def test_the_secret_of_a_webhook_that_was_lost_is_rotated(meddler: Meddler, through: Caller) -> None:
    meddler.deeds = ["cut"]
    made = through.do(lambda c: c.webhooks.create("https://hooks.example.com/keyledger"))
    assert made.secret is not None
    assert made.secret_version == 2
    meddler.deeds = ["cut"]
    rotated = through.do(lambda c: c.webhooks.rotate(made.id))
    assert rotated.secret is not None
    assert rotated.secret_version == 4


def test_a_lost_revocation_is_repeated_and_is_one(
    api: Api, org: Organization, meddler: Meddler, through: Caller
) -> None:
    key = org.key()
    meddler.deeds = ["cut"]
    assert through.do(lambda c: c.keys.revoke(key.id)).status == "revoked"
    assert api.events_of(key.id).count("api_key.revoked") == 1


def test_a_verification_whose_answer_is_lost_is_asked_again_and_leaves_two_uses(
    org: Organization, meddler: Meddler, through: Caller
) -> None:
    key = org.key()
    meddler.deeds = ["cut"]
    assert through.do(lambda c: c.verify(key.secret)).valid
    assert len(org.activity(key, type="api_key.used")) == 2


def test_a_change_with_a_revision_is_repeated_after_a_lost_answer_and_is_one(
    api: Api, org: Organization, meddler: Meddler, through: Caller
) -> None:
    key = org.key()
    meddler.deeds = ["cut"]
    changed = through.do(lambda c: c.keys.change(key.id, name="Other", if_match=1))
    assert (changed.name, changed.revision) == ("Other", 2)
    assert api.events_of(key.id).count("api_key.details_changed") == 1


def test_a_deletion_whose_answer_is_lost_is_repeated_and_is_one(
    api: Api, org: Organization, meddler: Meddler, through: Caller
) -> None:
    mcp_id = org.mcp()
    meddler.deeds = ["cut"]
    assert through.do(lambda c: c.mcps.delete(mcp_id)).deleted
    assert api.events_of(mcp_id).count("mcp.deleted") == 1


def test_a_change_of_unknown_outcome_is_repeated_and_is_one(
    api: Api, org: Organization, meddler: Meddler, through: Caller
) -> None:
    """The service made the change and could not tell: it answers 503, and the client finds out by a repeat."""
    key = org.key()
    unknown = '{"error":{"code":"unavailable","message":"Not confirmed.","details":{"outcome":"unknown"}}}'
    changes: list[Callable[[Any], Any]] = [
        lambda c: c.keys.change(key.id, name="Other", if_match=1),
        lambda c: c.keys.disable(key.id),
        lambda c: c.keys.revoke(key.id),
    ]
    for change in changes:
        meddler.deeds = [("instead", refusal(503, "Retry-After: 0", body=unknown))]
        through.do(change)
    names = ["api_key.details_changed", "api_key.disabled", "api_key.revoked"]
    assert [api.events_of(key.id).count(name) for name in names] == [1, 1, 1]


def test_a_change_without_one_is(org: Organization, meddler: Meddler, through: Caller) -> None:
    key = org.key()
    meddler.deeds = ["cut"]
    assert through.do(lambda c: c.keys.change(key.id, name="Other")).name == "Other"


def test_a_tool_is_never_called_twice_but_called_when_it_was_refused_for_now(
    org: Organization, meddler: Meddler, connect: Connect, upstream: Upstream
) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    key = org.key(permissions={"mcps": [mcp_id]})
    caller = connect(meddler.url, key.secret)
    meddler.deeds = ["cut"]
    with pytest.raises(Unreachable) as raised:
        caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]}))
    assert raised.value.may_have_happened
    assert len(org.activity(key, type="api_key.used")) == 1
    meddler.deeds = [refusal(503, "Retry-After: 0", body=DOWN)]
    assert not caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]})).is_error
    meddler.deeds = [refusal(503, body="<html>")]
    with pytest.raises(Unavailable, match="proxy"):
        caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]}))


@pytest.mark.parametrize(("status", "body"), [(429, BUSY), (503, DOWN), (503, "<html>"), (429, "")])
def test_retry_after_is_waited_for(meddler: Meddler, through: Caller, status: int, body: str) -> None:
    meddler.deeds = [refusal(status, "Retry-After: 1", body=body)]
    began = time.monotonic()
    through.do(lambda c: c.keys.list())
    assert 1.0 <= time.monotonic() - began < stretched(3)
    assert len(meddler.seen) == 2


@pytest.mark.parametrize(
    ("after", "seconds"),
    [
        ("Sat, 28 Nov 99999999999999999999 12:00:01 GMT", None),
        ("Sat, 28 Nov 10000 12:00:01 GMT", None),
        ("9" * 400, 1e9),
        ("9" * 12, 1e9),
        ("90", 90.0),
    ],
)
def test_a_retry_after_out_of_all_bounds_is_an_error_of_the_api_and_no_other(
    meddler: Meddler, through: Caller, after: str, seconds: float | None
) -> None:
    meddler.deeds = [refusal(503, f"Retry-After: {after}", body=DOWN)] * 9
    with pytest.raises(Unavailable) as raised:
        through.do(lambda c: c.keys.list())
    assert raised.value.retry_after == seconds


def test_a_date_in_retry_after_is_waited_for(meddler: Meddler, through: Caller) -> None:
    headers = ["Date: Sat, 28 Nov 2026 12:00:00 GMT", "Retry-After: Sat, 28 Nov 2026 12:00:01 GMT"]
    meddler.deeds = [refusal(503, *headers, body=DOWN)]
    began = time.monotonic()
    through.do(lambda c: c.keys.list())
    assert time.monotonic() - began >= 1.0
    assert len(meddler.seen) == 2


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("Sat, 28 Nov 2026 13:00:00 GMT", 3600.0),
        ("Saturday, 28-Nov-26 13:00:00 GMT", 3600.0),
        ("Sat Nov 28 13:00:00 2026", 3600.0),
        ("Sat, 28 Nov 2026 11:00:00 GMT", 0.0),
        ("tomorrow", None),
        ("Sat, 99 Nov 2026 11:00:00 GMT", None),
    ],
)
def test_a_date_is_told_in_seconds(
    connect: Connect, org: Organization, meddler: Meddler, date: str, seconds: float | None
) -> None:
    caller = connect(meddler.url, org.manager.secret, retries=NO_RETRIES)
    meddler.deeds = [refusal(429, "Date: Sat, 28 Nov 2026 12:00:00 GMT", f"Retry-After: {date}", body=BUSY)]
    with pytest.raises(RateLimited) as raised:
        caller.do(lambda c: c.verify("x"))
    assert raised.value.retry_after == seconds


def test_who_asks_for_too_much_patience_is_told_to_the_caller(meddler: Meddler, through: Caller) -> None:
    meddler.deeds = [refusal(429, "Retry-After: 86400", body=BUSY)]
    with pytest.raises(RateLimited) as raised:
        through.do(lambda c: c.verify("x"))
    assert (raised.value.retry_after, raised.value.request_id) == (86400.0, "req_1")
    assert len(meddler.seen) == 1


def test_there_is_an_end_to_repeating(meddler: Meddler, through: Caller) -> None:
    meddler.deeds = [refusal(503, "Retry-After: 0", body=DOWN)] * 9
    with pytest.raises(Unavailable):
        through.do(lambda c: c.verify("x"))
    assert len(meddler.seen) == 4


def test_a_request_that_is_still_running_is_waited_for(meddler: Meddler, through: Caller) -> None:
    running = '{"error":{"code":"idempotency_in_flight","message":"Running."}}'
    meddler.deeds = [refusal(409, "Retry-After: 1", body=running)]
    assert through.do(lambda c: c.keys.create("Slow")).name == "Slow"


def test_without_retries_there_are_none(connect: Connect, meddler: Meddler, org: Organization) -> None:
    meddler.deeds = ["drop"]
    with pytest.raises(Unreachable):
        connect(meddler.url, org.manager.secret, retries=NO_RETRIES).do(lambda c: c.keys.list())
    assert len(meddler.seen) == 1


def test_nobody_there_is_tried_again_and_then_said(connect: Connect, org: Organization) -> None:
    retries = Retries(attempts=3, first_seconds=0.01)
    with Meddler(1) as gone:
        url = gone.url
    with pytest.raises(Unreachable) as raised:
        connect(url, org.manager.secret, retries=retries).do(lambda c: c.keys.create("Nobody"))
    assert not raised.value.may_have_happened


def test_a_redirect_is_not_followed_with_the_key(meddler: Meddler, through: Caller) -> None:
    meddler.deeds = [refusal(307, "Location: http://127.0.0.1:9/elsewhere")]
    with pytest.raises(UnexpectedAnswer, match="307"):
        through.do(lambda c: c.keys.list())


@pytest.mark.parametrize("body", ["<html>", "{}", '{"data": 3}', '{"data": {"valid": "maybe"}}'])
def test_what_is_no_answer_is_not_taken_for_one(meddler: Meddler, through: Caller, body: str) -> None:
    meddler.deeds = [refusal(200, body=body)]
    with pytest.raises(UnexpectedAnswer):
        through.do(lambda c: c.verify("x"))
