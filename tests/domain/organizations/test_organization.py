import pytest
from msgspec.structs import replace

from domain.decider import ImpossibleHistory
from domain.organizations.commands import ChangeOrganization, ChangePlan, CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.errors import OnlyOwnerChangesPlan, OrganizationNotFound
from domain.organizations.events import (
    OrganizationCreated,
    OrganizationDetailsChanged,
    OrganizationEvent,
    PlanChanged,
    Settings,
)
from domain.organizations.state import Organization
from domain.plans.overrides import apply_overrides
from domain.plans.plan import PLAN_NAMES, PLANS, KeyCounts, Limits, usage_days
from domain.refusal import Conflict, Invalid
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER
from tests.given import given

CREATE = CreateOrganization(ORGANIZATION_ID, "Acme", "acme", "free", at=NOW, by=OWNER)
CREATED = OrganizationCreated(ORGANIZATION_ID, "Acme", "acme", "free", created_at=NOW, created_by=OWNER)
CHANGE = ChangeOrganization(by_owner=False)
CHANGED = OrganizationDetailsChanged("Acme Ltd", "We make everything", {"theme": "dark"})


def test_an_organization_can_be_created_only_once() -> None:
    given(ORGANIZATION).when(CREATE).then(CREATED)
    given(ORGANIZATION, CREATED).when(CREATE).then_refused(Conflict)
    assert ORGANIZATION.fold([CREATED]) == Organization(
        ORGANIZATION_ID, "Acme", "acme", "", {}, "free", NOW, revision=1
    )


@pytest.mark.parametrize("slug", ["a", "7", "acme-2", "a--b", "x" * 63])
def test_a_slug_is_a_valid_dns_label(slug: str) -> None:
    given(ORGANIZATION).when(replace(CREATE, slug=slug)).then(replace(CREATED, slug=slug))


@pytest.mark.parametrize("slug", ["", "-a", "a-", "A", "a_b", "a.b", "ä", "a\n", "x" * 64, "\u0661"])
def test_an_invalid_slug_is_refused(slug: str) -> None:
    given(ORGANIZATION).when(replace(CREATE, slug=slug, name="")).then_refused(
        Invalid, slug="Must be 1 to 63 lower-case letters, digits and inner hyphens", name="Must not be empty"
    )


def test_a_plan_is_changed_and_changing_it_again_changes_nothing() -> None:
    given(ORGANIZATION, CREATED).when(ChangePlan("pro")).then(PlanChanged("pro"))
    given(ORGANIZATION, CREATED, PlanChanged("pro")).when(ChangePlan("pro")).then_nothing()
    given(ORGANIZATION).when(ChangePlan("pro")).then_refused(OrganizationNotFound)
    state = ORGANIZATION.fold([CREATED, PlanChanged("pro")])
    assert isinstance(state, Organization)
    assert (state.plan, state.revision, state.slug) == ("pro", 2, "acme")


@pytest.mark.parametrize("history", [[PlanChanged("pro")], [CHANGED], [CREATED, CREATED]])
def test_a_damaged_history_is_impossible(history: list[OrganizationEvent]) -> None:
    with pytest.raises(ImpossibleHistory):
        ORGANIZATION.fold(history)


def test_details_change_together_and_omitted_fields_are_unchanged() -> None:
    given(ORGANIZATION, CREATED).when(
        replace(CHANGE, name="Acme Ltd", description="We make everything", settings={"theme": "dark"})
    ).then(CHANGED)
    given(ORGANIZATION, CREATED, CHANGED).when(replace(CHANGE, description="")).then(replace(CHANGED, description=""))
    given(ORGANIZATION, CREATED, CHANGED).when(replace(CHANGE, name="Acme Ltd")).then_nothing()
    given(ORGANIZATION).when(CHANGE).then_refused(OrganizationNotFound)
    state = ORGANIZATION.fold([CREATED, CHANGED])
    assert state == Organization(
        ORGANIZATION_ID, "Acme Ltd", "acme", "We make everything", {"theme": "dark"}, "free", NOW, revision=2
    )


def test_true_and_one_are_different_settings() -> None:
    one = replace(CHANGED, settings={"beta": 1})
    given(ORGANIZATION, CREATED, one).when(replace(CHANGE, settings={"beta": True})).then(
        replace(CHANGED, settings={"beta": True})
    )


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({str(number): 0 for number in range(51)}, "Must have at most 50 entries"),
        ({"": 1}, "A name must not be empty or contain control characters"),
        ({"a\n": 1}, "A name must not be empty or contain control characters"),
        ({"x" * 51: 1}, "Must have at most 50 characters"),
        ({"a": "x" * 501}, "Must have at most 500 characters"),
        ({"a": 2**53 + 1}, "A number must lie between -9007199254740992 and 9007199254740992"),
        ({"a": -(2**53) - 1}, "A number must lie between -9007199254740992 and 9007199254740992"),
    ],
)
def test_settings_are_limited_in_size_and_must_be_printable(settings: Settings, problem: str) -> None:
    refused = given(ORGANIZATION, CREATED).when(replace(CHANGE, settings=settings, name=""))
    refused.then_refused(Invalid, settings=problem, name="Must not be empty")


def test_only_the_owner_can_change_the_plan() -> None:
    change = replace(CHANGE, name="Acme Ltd", description="We make everything", settings={"theme": "dark"}, plan="pro")
    given(ORGANIZATION, CREATED).when(change).then_refused(OnlyOwnerChangesPlan, required=["owner"])
    given(ORGANIZATION, CREATED).when(replace(CHANGE, plan="free")).then_refused(
        OnlyOwnerChangesPlan, required=["owner"]
    )
    given(ORGANIZATION, CREATED).when(replace(change, by_owner=True)).then(CHANGED, PlanChanged("pro"))
    given(ORGANIZATION, CREATED).when(replace(CHANGE, by_owner=True, plan="free")).then_nothing()


def test_the_plans_match_the_contract() -> None:
    assert set(PLANS) == set(PLAN_NAMES)
    assert PLANS["free"] == Limits(
        api_keys=2, mcps=5, team_members=1, monthly_requests=1_000, requests_per_second=10, usage_days=90
    )
    assert PLANS["pro"] == Limits(
        api_keys=10, mcps=15, team_members=5, monthly_requests=50_000, requests_per_second=100, usage_days=400
    )
    assert PLANS["team"] == Limits(
        api_keys=None, mcps=None, team_members=None, monthly_requests=500_000, requests_per_second=1_000, usage_days=400
    )
    assert PLANS["enterprise"] == Limits(None, None, None, None, None, None)


def test_usage_is_stored_for_the_longest_period_of_any_plan() -> None:
    assert usage_days(PLANS) is None
    assert usage_days({**PLANS, "enterprise": replace(PLANS["enterprise"], usage_days=60)}) == 400
    assert usage_days({**PLANS, "enterprise": replace(PLANS["enterprise"], usage_days=2_000)}) == 2_000


def test_overrides_change_only_the_given_limits() -> None:
    assert apply_overrides("") == PLANS
    plans = apply_overrides('{"enterprise": {"usage_days": 30}, "free": {"usage_days": null}}')
    assert (plans["enterprise"].usage_days, plans["free"].usage_days, plans["pro"]) == (30, None, PLANS["pro"])
    with pytest.raises(ValueError, match=">= 1"):
        apply_overrides('{"free": {"usage_days": 0}}')


def test_active_and_disabled_keys_count_as_used() -> None:
    assert KeyCounts(active=3, disabled=4, limit=None, plan="team").used == 7
