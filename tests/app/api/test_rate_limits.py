"""Rate limits as callers see them: 429, the headers of every answer to a key, and what counts against what."""

import time
from collections.abc import Callable
from typing import Any

import pytest

from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions
from tests.app.client import Answer, concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Key, Organization, unknown_secret

HEADERS = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset")
TRIES_MOST = 500


@pytest.fixture(scope="module")
def patient(start_api: StartApi) -> Api:
    """It waits for Valkey as long as a busy machine needs: what is not counted in time would be let through."""
    return start_api(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="30", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")


@pytest.fixture
def org(patient: Api) -> Organization:
    """On a plan with 100 requests a second, 25 uses of them at once."""
    return patient.organization("pro")


@pytest.fixture
def small(patient: Api) -> Organization:
    """On a plan with 10 requests a second, and so few that even a slow test can be too fast."""
    return patient.organization("free")


def slow_key(org: Organization, **fields: Any) -> Key:  # noqa: ANN401 -- of CreateKey
    """With a limit of its own, so low that the second of two requests is over it on any machine, or the third."""
    return org.seeded_key(rate_limit=RateLimit(per_second=1), **fields)


def refused(ask: Callable[[], Answer]) -> Answer:
    """The first answer that is a 429."""
    for _ in range(TRIES_MOST):
        answer = ask()
        if answer.status == 429:
            return answer
    raise AssertionError("no limit was ever reached")


def check(key: Key) -> Answer:
    return key.client.get(key.check_path)


def limits(answer: Answer) -> list[str | None]:
    return [answer.headers.get(name) for name in HEADERS]


def test_whoever_is_too_fast_is_told_when_to_go_on(org: Organization) -> None:
    key = slow_key(org)
    answer = refused(lambda: check(key))
    assert answer.code == "rate_limited"
    assert answer.details == {"limit": 1, "per": "second"}
    assert answer.headers["retry-after"] == "1"
    assert limits(answer)[:2] == ["1", "0"]


def test_a_limited_use_is_recorded_and_not_billed(patient: Api, org: Organization) -> None:
    key = slow_key(org)
    refused(lambda: check(key))
    use = org.activity(key, type="api_key.used")[0]
    assert (use["action"], use["status"], use["reason"]) == ("check", "denied", "rate_limited")
    query = "select code, billed from usage_events where key_id = %s"
    assert set(patient.database.rows(query, key.id)) == {("valid", True), ("rate_limited", False)}


def test_a_verification_says_that_the_key_is_limited(org: Organization) -> None:
    key = slow_key(org)
    answers = [org.verified(key.secret) for _ in range(3)]
    for _ in range(TRIES_MOST):
        if answers[-1].data["code"] == "rate_limited":
            break
        answers.append(org.verified(key.secret))
    assert (answers[-1].status, answers[-1].data["valid"], answers[-1].data["key_id"]) == (200, False, key.id)
    assert limits(answers[-1])[:2] == ["1", "0"]


def test_a_limit_of_its_own_counts_whatever_a_key_is_presented_for(org: Organization) -> None:
    key = slow_key(org, permissions=Permissions(mcps="*", manage=("keys:read", "keys:verify")))
    other = org.seeded_key()
    ways: list[Callable[[], Answer]] = [
        lambda: check(key),
        lambda: key.client.get("/v1/api-keys"),
        lambda: key.client.post("/v1/api-keys/verify", {"key": other.secret}),
        lambda: key.client.post("/v1/mcp/invoke", {"mcp_id": org.mcp(), "tool": "t"}),
    ]
    for way in ways:
        answer = refused(way)
        assert (answer.code, limits(answer)[:2]) == ("rate_limited", ["1", "0"])


def test_a_verification_counts_once_against_the_organization(org: Organization) -> None:
    assert limits(org.verified(org.seeded_key().secret))[:2] == ["100", "24"]


def test_uses_of_all_keys_of_an_organization_count_together_and_no_others(patient: Api, small: Organization) -> None:
    keys = [small.manager, small.seeded_key()]
    statuses: set[tuple[int, int]] = set()
    for _ in range(TRIES_MOST):
        statuses |= set(enumerate(answer.status for answer in concurrently(keys * 20, check)))
        if {number % 2 for number, status in statuses if status == 429} == {0, 1}:
            break
    assert {number % 2 for number, status in statuses if status == 429} == {0, 1}
    assert limits(check(patient.organization("free").seeded_key()))[:2] == ["10", "9"]


def test_a_leaked_key_at_the_limit_does_not_stand_in_the_way_of_its_revocation(small: Organization) -> None:
    leaked = small.seeded_key()
    refused(lambda: check(leaked))
    answer = small.client.delete(leaked.path)
    assert (answer.status, limits(answer)[:2]) == (200, ["10", "9"])


def test_what_is_denied_counts_nowhere(org: Organization) -> None:
    """Or strangers with a revoked key could use up what belongs to the organization."""
    key, revoked = org.seeded_key(allowed_ips=("203.0.113.0/24",)), org.seeded_key()
    org.client.delete(revoked.path)
    for _ in range(12):
        assert org.verified(revoked.secret).data["code"] == "revoked_key"
        assert check(key).code == "ip_not_permitted"
        assert org.verified(unknown_secret()).data["code"] == "unauthorized"
    assert limits(check(key))[:2] == ["100", "25"]


def test_every_answer_to_a_key_says_what_is_left(org: Organization) -> None:
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
    for what, answer in answers.items():
        limit, left, reset = limits(answer)
        assert (limit, reset is not None) == ("100", True), what
        assert 0 <= int(left or -1) <= 100, what
        for name in HEADERS:
            assert len(answer.headers.get_list(name)) == 1, what


def test_the_reset_is_the_second_at_which_all_of_it_is_there_again(org: Organization) -> None:
    key = org.seeded_key()
    before = int(time.time())
    reset = int(check(key).headers["x-ratelimit-reset"])
    # What lasts longest is a burst, and none lasts longer than a second.
    assert before <= reset <= time.time() + 2


def test_who_did_not_get_in_is_told_nothing(patient: Api, org: Organization) -> None:
    revoked = org.seeded_key()
    org.client.delete(revoked.path)
    for client in (patient.client(), patient.client(unknown_secret()), revoked.client):
        answer = client.get("/v1/api-keys")
        assert (answer.status, limits(answer)) == (401, [None, None, None])


def test_without_a_limit_there_are_no_headers(patient: Api) -> None:
    free = patient.organization("enterprise")
    key = free.seeded_key()
    for answer in (free.client.get("/v1/api-keys"), free.verified(key.secret), check(key)):
        assert (answer.status, limits(answer)) == (200, [None, None, None])
    limited = slow_key(free)
    assert limits(refused(lambda: check(limited)))[:2] == ["1", "0"]


def test_a_limit_that_is_lifted_is_lifted_at_once(org: Organization) -> None:
    key = slow_key(org)
    refused(lambda: check(key))
    org.client.patch(key.path, {"rate_limit": None})
    assert limits(check(key))[0] == "100"
