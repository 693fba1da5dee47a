"""Lost responses, Retry-After and unusable responses."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from keyledger import (
    NO_RETRIES,
    IncompleteAnswer,
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
from tests.clients.flaky_proxy import BUSY, DOWN, FlakyProxy, refusal
from tests.waiting import stretched


@pytest.fixture
def through(connect: Connect, proxy: FlakyProxy, org: Organization) -> Caller:
    return connect(proxy.url, org.manager.secret)


def _names(org: Organization) -> list[str]:
    return [key["name"] for key in org.client.get("/v1/api-keys").data]


@pytest.mark.parametrize("lost", [1, 2])
def test_a_lost_response_to_a_creation_leaves_one_key_with_a_new_secret(
    org: Organization, proxy: FlakyProxy, through: Caller, lost: int
) -> None:
    proxy.actions = ["cut"] * lost
    made = through.do(lambda c: c.keys.create("Lost"))
    assert _names(org).count("Lost") == 1
    assert len(proxy.requests) == lost + 2
    assert len(set(proxy.request_headers("Idempotency-Key"))) == 2, "one for the creation and one for the rotation"
    assert through.do(lambda c: c.verify(made.key)).valid


_DAMAGED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello"


def test_a_response_that_cannot_be_decompressed_is_requested_again(
    org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    proxy.actions = [("instead", _DAMAGED)]
    made = through.do(lambda c: c.keys.create("Lost"))
    assert _names(org).count("Lost") == 1
    assert through.do(lambda c: c.verify(made.key)).valid
    proxy.actions = [_DAMAGED] * 9
    with pytest.raises(Unreachable, match="DecodingError"):
        through.do(lambda c: c.organization.get())
    proxy.actions = [_DAMAGED] * 9
    with pytest.raises(IncompleteAnswer, match="DecodingError"):
        through.every(lambda c: c.audit.export())


def test_a_lost_secret_of_a_new_key_is_reported_if_the_caller_chose_the_idempotency_key(
    org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    proxy.actions = ["cut"]
    with pytest.raises(SecretLost, match="Rotate key_") as raised:
        through.do(lambda c: c.keys.create("Lost", idempotency_key="mine"))
    assert _names(org).count("Lost") == 1
    rotated = through.do(lambda c: c.keys.rotate(raised.value.key_id))
    assert through.do(lambda c: c.verify(rotated.key)).valid


def test_a_request_that_never_arrived_is_retried_and_creates_one_key(
    org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    proxy.actions = ["drop", "drop"]
    made = through.do(lambda c: c.keys.create("Dropped"))
    assert _names(org).count("Dropped") == 1
    assert through.do(lambda c: c.verify(made.key)).valid


def test_each_call_has_its_own_idempotency_key(proxy: FlakyProxy, through: Caller) -> None:
    through.do(lambda c: c.keys.create("One"))
    through.do(lambda c: c.keys.create("Two", idempotency_key="mine"))
    first, second = proxy.request_headers("Idempotency-Key")
    assert (len(first), second) == (32, "mine")


@pytest.mark.parametrize("overlap_seconds", [None, 0, 60])
@pytest.mark.parametrize("if_match", [None, 1])
def test_a_lost_response_to_a_rotation_is_followed_by_another_rotation(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller, overlap_seconds: int | None, if_match: int | None
) -> None:
    key = org.key()
    proxy.actions = ["cut", "forward", "cut"]
    rotated = through.do(lambda c: c.keys.rotate(key.id, overlap_seconds=overlap_seconds, if_match=if_match))
    assert through.do(lambda c: c.verify(rotated.key)).valid
    assert api.events_of(key.id).count("api_key.rotated") == 3


def test_a_lost_secret_of_a_rotation_is_reported_if_the_caller_chose_the_idempotency_key(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    with pytest.raises(SecretLost):
        through.do(lambda c: c.keys.rotate(key.id, idempotency_key="mine"))
    assert api.events_of(key.id).count("api_key.rotated") == 1


def test_a_lost_webhook_secret_is_rotated(proxy: FlakyProxy, through: Caller) -> None:
    proxy.actions = ["cut"]
    made = through.do(lambda c: c.webhooks.create("https://hooks.example.com/keyledger"))
    assert made.secret is not None
    assert made.secret_version == 2
    proxy.actions = ["cut"]
    rotated = through.do(lambda c: c.webhooks.rotate(made.id))
    assert rotated.secret is not None
    assert rotated.secret_version == 4


def test_a_lost_response_to_a_revocation_leads_to_one_revocation(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    assert through.do(lambda c: c.keys.revoke(key.id)).status == "revoked"
    assert api.events_of(key.id).count("api_key.revoked") == 1


def test_a_verification_is_retried_after_a_lost_response_and_leaves_two_uses(
    org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    assert through.do(lambda c: c.verify(key.secret)).valid
    assert len(org.activity(key, type="api_key.used")) == 2


def test_a_lost_response_to_a_change_with_a_revision_leads_to_one_change(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    changed = through.do(lambda c: c.keys.update(key.id, name="Other", if_match=1))
    assert (changed.name, changed.revision) == ("Other", 2)
    assert api.events_of(key.id).count("api_key.details_changed") == 1


def test_a_lost_response_to_a_deletion_leads_to_one_deletion(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    mcp_id = org.mcp()
    proxy.actions = ["cut"]
    assert through.do(lambda c: c.mcps.delete(mcp_id)).deleted
    assert api.events_of(mcp_id).count("mcp.deleted") == 1


def test_a_change_of_unknown_outcome_is_retried_and_made_once(
    api: Api, org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    """The service made the change but could not confirm it, so it returns 503. A retry returns the outcome."""
    key = org.key()
    unknown = '{"error":{"code":"unavailable","message":"Not confirmed.","details":{"outcome":"unknown"}}}'
    changes: list[Callable[[Any], Any]] = [
        lambda c: c.keys.update(key.id, name="Other", if_match=1),
        lambda c: c.keys.disable(key.id),
        lambda c: c.keys.revoke(key.id),
    ]
    for change in changes:
        proxy.actions = [("instead", refusal(503, "Retry-After: 0", body=unknown))]
        through.do(change)
    names = ["api_key.details_changed", "api_key.disabled", "api_key.revoked"]
    assert [api.events_of(key.id).count(name) for name in names] == [1, 1, 1]


def test_a_lost_response_to_a_change_without_a_revision_is_retried(
    org: Organization, proxy: FlakyProxy, through: Caller
) -> None:
    key = org.key()
    proxy.actions = ["cut"]
    assert through.do(lambda c: c.keys.update(key.id, name="Other")).name == "Other"


def test_a_tool_call_is_retried_after_a_503_of_the_service_but_not_after_a_lost_response(
    org: Organization, proxy: FlakyProxy, connect: Connect, upstream: Upstream
) -> None:
    mcp_id = org.mcp(endpoint_url=upstream.url)
    key = org.key(permissions={"mcps": [mcp_id]})
    caller = connect(proxy.url, key.secret)
    proxy.actions = ["cut"]
    with pytest.raises(Unreachable) as raised:
        caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]}))
    assert raised.value.may_have_happened
    assert len(org.activity(key, type="api_key.used")) == 1
    proxy.actions = [refusal(503, "Retry-After: 0", body=DOWN)]
    assert not caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]})).is_error
    proxy.actions = [refusal(503, body="<html>")]
    with pytest.raises(Unavailable, match="proxy"):
        caller.do(lambda c: c.invoke(mcp_id, "add", {"numbers": [1, 2]}))


@pytest.mark.parametrize(("status", "body"), [(429, BUSY), (503, DOWN), (503, "<html>"), (429, "")])
def test_the_client_waits_for_retry_after(proxy: FlakyProxy, through: Caller, status: int, body: str) -> None:
    proxy.actions = [refusal(status, "Retry-After: 1", body=body)]
    began = time.monotonic()
    through.do(lambda c: c.keys.list())
    assert 1.0 <= time.monotonic() - began < stretched(3)
    assert len(proxy.requests) == 2


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
def test_an_absurd_retry_after_raises_the_error_of_the_api(
    proxy: FlakyProxy, through: Caller, after: str, seconds: float | None
) -> None:
    proxy.actions = [refusal(503, f"Retry-After: {after}", body=DOWN)] * 9
    with pytest.raises(Unavailable) as raised:
        through.do(lambda c: c.keys.list())
    assert raised.value.retry_after == seconds


def test_the_client_waits_for_a_date_in_retry_after(proxy: FlakyProxy, through: Caller) -> None:
    headers = ["Date: Sat, 28 Nov 2026 12:00:00 GMT", "Retry-After: Sat, 28 Nov 2026 12:00:01 GMT"]
    proxy.actions = [refusal(503, *headers, body=DOWN)]
    began = time.monotonic()
    through.do(lambda c: c.keys.list())
    assert time.monotonic() - began >= 1.0
    assert len(proxy.requests) == 2


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
def test_a_date_in_retry_after_is_converted_to_seconds(
    connect: Connect, org: Organization, proxy: FlakyProxy, date: str, seconds: float | None
) -> None:
    caller = connect(proxy.url, org.manager.secret, retries=NO_RETRIES)
    proxy.actions = [refusal(429, "Date: Sat, 28 Nov 2026 12:00:00 GMT", f"Retry-After: {date}", body=BUSY)]
    with pytest.raises(RateLimited) as raised:
        caller.do(lambda c: c.verify("x"))
    assert raised.value.retry_after == seconds


def test_a_retry_after_above_the_limit_is_raised_without_a_retry(proxy: FlakyProxy, through: Caller) -> None:
    proxy.actions = [refusal(429, "Retry-After: 86400", body=BUSY)]
    with pytest.raises(RateLimited) as raised:
        through.do(lambda c: c.verify("x"))
    assert (raised.value.retry_after, raised.value.request_id) == (86400.0, "req_1")
    assert len(proxy.requests) == 1


def test_the_number_of_attempts_is_limited(proxy: FlakyProxy, through: Caller) -> None:
    proxy.actions = [refusal(503, "Retry-After: 0", body=DOWN)] * 9
    with pytest.raises(Unavailable):
        through.do(lambda c: c.verify("x"))
    assert len(proxy.requests) == 4


def test_the_client_retries_while_an_earlier_attempt_is_in_progress(proxy: FlakyProxy, through: Caller) -> None:
    running = '{"error":{"code":"idempotency_in_flight","message":"Running."}}'
    proxy.actions = [refusal(409, "Retry-After: 1", body=running)]
    assert through.do(lambda c: c.keys.create("Slow")).name == "Slow"


def test_retries_can_be_disabled(connect: Connect, proxy: FlakyProxy, org: Organization) -> None:
    proxy.actions = ["drop"]
    with pytest.raises(Unreachable):
        connect(proxy.url, org.manager.secret, retries=NO_RETRIES).do(lambda c: c.keys.list())
    assert len(proxy.requests) == 1


def test_an_unreachable_service_is_retried_and_then_reported(connect: Connect, org: Organization) -> None:
    retries = Retries(attempts=3, first_seconds=0.01)
    with FlakyProxy(1) as gone:
        url = gone.url
    with pytest.raises(Unreachable) as raised:
        connect(url, org.manager.secret, retries=retries).do(lambda c: c.keys.create("Unreachable"))
    assert not raised.value.may_have_happened


def test_a_redirect_is_not_followed_with_the_key(proxy: FlakyProxy, through: Caller) -> None:
    proxy.actions = [refusal(307, "Location: http://127.0.0.1:9/elsewhere")]
    with pytest.raises(UnexpectedAnswer, match="307"):
        through.do(lambda c: c.keys.list())


@pytest.mark.parametrize("body", ["<html>", "{}", '{"data": 3}', '{"data": {"valid": "maybe"}}'])
def test_an_invalid_response_raises_an_error(proxy: FlakyProxy, through: Caller, body: str) -> None:
    proxy.actions = [refusal(200, body=body)]
    with pytest.raises(UnexpectedAnswer):
        through.do(lambda c: c.verify("x"))
