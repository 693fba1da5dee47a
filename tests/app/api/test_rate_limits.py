"""Rate limits over HTTP: 429, the headers of responses to keys, and the requests that count."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from tests.app.client import Response, concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Key, Organization, unknown_secret

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
TRIES_MAX = 500


@pytest.fixture(scope="module")
def slow_tolerant(start_api: StartApi) -> Api:
    """An API that waits longer for Valkey, because a request that is not counted in time is accepted."""
    return start_api(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="30", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")


@pytest.fixture
def org(slow_tolerant: Api) -> Organization:
    """An organization on a plan with 100 requests per second and a burst of 25 uses."""
    return slow_tolerant.organization("pro")


@pytest.fixture
def small(slow_tolerant: Api) -> Organization:
    """An organization on a plan with 10 requests per second, a limit that a slow test can exceed."""
    return slow_tolerant.organization("free")


def slow_key(org: Organization, **fields: Any) -> Key:  # noqa: ANN401 -- of CreateKey
    """Create a key whose own limit is exceeded by the second or third request on any machine."""
    return org.seeded_key(rate_limit=RateLimit(per_second=1), **fields)


def refused(send: Callable[[], Response]) -> Response:
    """Repeat a request until it gets 429."""
    for _ in range(TRIES_MAX):
        answer = send()
        if answer.status == 429:
            return answer
    raise AssertionError("the limit was never reached")


def check(key: Key) -> Response:
    return key.client.get(key.check_path)


def limits(answer: Response) -> list[str | None]:
    return [answer.headers.get(name) for name in HEADERS]


def test_a_request_over_the_limit_gets_a_retry_after(org: Organization) -> None:
    key = slow_key(org)
    answer = refused(lambda: check(key))
    assert answer.code == "rate_limited"
    assert answer.details == {"limit": 1, "per": "second"}
    assert answer.headers["retry-after"] == "1"
    assert limits(answer)[:2] == ["1", "0"]


def test_a_rate_limited_use_is_recorded_and_not_billed(slow_tolerant: Api, org: Organization) -> None:
    key = slow_key(org)
    refused(lambda: check(key))
    use = org.activity(key, type="api_key.used")[0]
    assert (use["action"], use["status"], use["reason"]) == ("check", "denied", "rate_limited")
    query = "select code, billed from usage_events where key_id = %s"
    assert set(slow_tolerant.database.rows(query, key.id)) == {("valid", True), ("rate_limited", False)}


def test_a_verification_reports_that_the_key_is_rate_limited(org: Organization) -> None:
    key = slow_key(org)
    answers = [org.verified(key.secret) for _ in range(3)]
    for _ in range(TRIES_MAX):
        if answers[-1].data["code"] == "rate_limited":
            break
        answers.append(org.verified(key.secret))
    assert (answers[-1].status, answers[-1].data["valid"], answers[-1].data["key_id"]) == (200, False, key.id)
    assert limits(answers[-1])[:2] == ["1", "0"]


def test_the_own_limit_of_a_key_counts_every_kind_of_request(org: Organization) -> None:
    key = slow_key(org, permissions=Permissions(mcps="*", manage=("keys:read", "keys:verify")))
    other = org.seeded_key()
    requests: list[Callable[[], Response]] = [
        lambda: check(key),
        lambda: key.client.get("/v1/api-keys"),
        lambda: key.client.post("/v1/api-keys/verify", {"key": other.secret}),
        lambda: key.client.post("/v1/mcp/invoke", {"mcp_id": org.mcp(), "tool": "t"}),
    ]
    for request in requests:
        answer = refused(request)
        assert (answer.code, limits(answer)[:2]) == ("rate_limited", ["1", "0"])


def test_a_verification_counts_once_against_the_organization(org: Organization) -> None:
    assert limits(org.verified(org.seeded_key().secret))[:2] == ["100", "24"]


def test_uses_of_all_keys_of_one_organization_share_its_limit(slow_tolerant: Api, small: Organization) -> None:
    keys = [small.manager, small.seeded_key()]
    statuses: set[tuple[int, int]] = set()
    for _ in range(TRIES_MAX):
        statuses |= set(enumerate(answer.status for answer in concurrently(keys * 20, check)))
        if {number % 2 for number, status in statuses if status == 429} == {0, 1}:
            break
    assert {number % 2 for number, status in statuses if status == 429} == {0, 1}
    assert limits(check(slow_tolerant.organization("free").seeded_key()))[:2] == ["10", "9"]


def test_a_leaked_key_at_the_limit_can_be_revoked(small: Organization) -> None:
    leaked = small.seeded_key()
    refused(lambda: check(leaked))
    answer = small.client.delete(leaked.path)
    assert (answer.status, limits(answer)[:2]) == (200, ["10", "9"])


def test_a_denied_request_does_not_count(org: Organization) -> None:
    """Otherwise, a client with a revoked key could use up the organization's limit."""
    key, revoked = org.seeded_key(allowed_ips=("203.0.113.0/24",)), org.seeded_key()
    org.client.delete(revoked.path)
    for _ in range(12):
        assert org.verified(revoked.secret).data["code"] == "revoked_key"
        assert check(key).code == "ip_not_permitted"
        assert org.verified(unknown_secret()).data["code"] == "unauthorized"
    assert limits(check(key))[:2] == ["100", "25"]


def test_every_response_to_a_key_has_the_remaining_requests(org: Organization) -> None:
    reader = org.seeded_key(permissions=Permissions(mcps="*", manage=("keys:read",)))
    answers = {
        "success": reader.client.get("/v1/api-keys"),
        "not found": reader.client.get("/v1/api-keys/key_0"),
        "not valid": reader.client.get("/v1/api-keys", {"per_page": 0}),
        "lacks a grant": reader.client.post("/v1/api-keys", {"name": "N"}),
        "direct": check(reader),
        "direct, not permitted": reader.client.get("/v1/auth/check", {"mcp_id": "mcp_" + "0" * 26}),
        "direct, lacks a grant": reader.client.post("/v1/api-keys/verify", {"key": "x"}),
        "verify": org.verified("nonsense"),
    }
    assert [answer.status for answer in answers.values()] == [200, 404, 422, 403, 200, 403, 403, 200]
    for name, answer in answers.items():
        limit, left, reset = limits(answer)
        assert (limit, reset is not None) == ("100", True), name
        assert 0 <= int(left or -1) <= 100, name
        for header in HEADERS:
            assert len(answer.headers.get_list(header)) == 1, name


def test_the_reset_is_the_time_when_the_full_limit_is_available_again(org: Organization) -> None:
    key = org.seeded_key()
    before = int(time.time())
    reset = int(check(key).headers["x-ratelimit-reset"])
    # A burst takes longest to refill, and every burst refills within a second.
    assert before <= reset <= time.time() + 2


def test_an_unauthenticated_response_has_no_limit_headers(slow_tolerant: Api, org: Organization) -> None:
    revoked = org.seeded_key()
    org.client.delete(revoked.path)
    for client in (slow_tolerant.client(), slow_tolerant.client(unknown_secret()), revoked.client):
        answer = client.get("/v1/api-keys")
        assert (answer.status, limits(answer)) == (401, [None, None, None])


def test_a_plan_without_a_limit_has_no_limit_headers(slow_tolerant: Api) -> None:
    free = slow_tolerant.organization("enterprise")
    key = free.seeded_key()
    for answer in (free.client.get("/v1/api-keys"), free.verified(key.secret), check(key)):
        assert (answer.status, limits(answer)) == (200, [None, None, None])
    limited = slow_key(free)
    assert limits(refused(lambda: check(limited)))[:2] == ["1", "0"]


def test_a_removed_limit_ends_immediately(org: Organization) -> None:
    key = slow_key(org)
    refused(lambda: check(key))
    org.client.patch(key.path, {"rate_limit": None})
    assert limits(check(key))[0] == "100"
