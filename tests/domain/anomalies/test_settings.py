import pytest

from domain.anomalies.settings import RANGES, problem_of, thresholds_of, validate
from domain.anomalies.thresholds import DEFAULTS
from domain.organizations.commands import ChangeOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import OrganizationCreated
from domain.refusal import Invalid
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER
from tests.given import given


def test_stored_settings_override_the_defaults() -> None:
    settings = {
        "theme": "dark",
        "anomalies.volume_ratio": 5,
        "anomalies.errors_rate_min": 0.5,
        "anomalies.location": False,
    }
    thresholds = thresholds_of(settings)
    assert (thresholds.volume_ratio, thresholds.errors_rate_min, thresholds.location) == (5, 0.5, False)
    assert thresholds.dormant_days == DEFAULTS.dormant_days
    assert thresholds_of({}) == DEFAULTS
    assert list(validate(settings)) == []


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("volume_ratio", 0.5, "must be a number from 1 to 10000"),
        ("volume_ratio", True, "must be a number from 1 to 10000"),
        ("volume_ratio", "5", "must be a number from 1 to 10000"),
        ("dormant_days", 1.5, "must be a whole number"),
        ("location", 1, "must be true or false"),
    ],
)
def test_an_invalid_threshold_is_reported_and_ignored(name: str, value: object, problem: str) -> None:
    assert problem_of(name, value) == problem
    assert thresholds_of({f"anomalies.{name}": value}) == DEFAULTS


def test_an_unknown_threshold_is_reported_with_the_known_ones() -> None:
    (problem,) = validate({"anomalies.speed": 1})
    assert problem.startswith("anomalies.speed is no threshold; there are volume_requests_min, ")


def test_an_organization_cannot_store_an_invalid_threshold() -> None:
    created = OrganizationCreated(ORGANIZATION_ID, "Acme", "acme", "free", NOW, OWNER)
    change = ChangeOrganization(by_owner=False, settings={"anomalies.cooldown_hours": 10_000})
    given(ORGANIZATION, created).when(change).then_refused(
        Invalid, settings="anomalies.cooldown_hours must be a number from 0 to 720"
    )


def test_every_default_is_within_its_range() -> None:
    for name, (least, most) in RANGES.items():
        assert least <= getattr(DEFAULTS, name) <= most
