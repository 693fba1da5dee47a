import pytest
from msgspec.structs import replace

from domain.keys.decider import KEY
from domain.keys.events import RateLimit
from domain.keys.state import Active, Key
from domain.plans.plan import PLANS
from domain.usage.events import Action
from domain.usage.rates import Rate, burst_of, key_rates, organization_rates
from tests.domain.sample import CREATED, KEY_ID


def key(rate_limit: RateLimit | None) -> Key:
    state = KEY.fold([replace(CREATED, rate_limit=rate_limit)])
    assert isinstance(state, Active)
    return state.key


def test_a_key_is_limited_by_its_own_rate() -> None:
    assert key_rates(key(RateLimit(per_second=40))) == (Rate(KEY_ID, 40, 10),)
    assert key_rates(key(None)) == ()


@pytest.mark.parametrize("action", ["verify", "check", "call"])
def test_uses_of_an_organization_share_one_limit(action: Action) -> None:
    assert organization_rates("org_a", action, PLANS["pro"]) == (Rate("org_a:uses", 100, 25),)


def test_management_requests_have_a_separate_limit() -> None:
    assert organization_rates("org_a", "manage", PLANS["pro"]) == (Rate("org_a:manage", 100, 100),)


@pytest.mark.parametrize("action", ["verify", "check", "call", "manage"])
def test_a_plan_without_a_rate_limit_has_no_rates(action: Action) -> None:
    assert organization_rates("org_a", action, PLANS["enterprise"]) == ()


@pytest.mark.parametrize(
    ("per_second", "burst"), [(1, 1), (5, 5), (10, 10), (11, 10), (40, 10), (44, 11), (100, 25), (1_000_000, 250_000)]
)
def test_a_burst_is_a_quarter_of_a_second_or_ten_but_at_most_one_second(per_second: int, burst: int) -> None:
    assert burst_of(per_second) == burst


@pytest.mark.parametrize("per_second", [100, 1_000])
def test_ten_seconds_at_a_plan_limit_exceed_it_by_at_most_five_percent(per_second: int) -> None:
    assert 10 * per_second + burst_of(per_second) <= 1.05 * 10 * per_second
