"""An alert is raised once and acknowledged once, regardless of the caller and the number of attempts."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from domain.actor import UserActor
from domain.alerts.alert_id import alert_id
from domain.alerts.commands import AcknowledgeAlert, RaiseAlert
from domain.alerts.decider import ALERT
from domain.alerts.errors import AlertNotFound
from domain.alerts.events import AlertAcknowledged, AlertRaised
from domain.alerts.state import Acknowledged, Alert, AlertState, Open
from domain.decider import ImpossibleHistory
from domain.ids import is_id
from tests.domain.sample import KEY_ID, NOW, ORGANIZATION_ID, OWNER, an_id, at

RAISE = RaiseAlert(
    alert_id=an_id("alert"),
    organization_id=ORGANIZATION_ID,
    alert_type="api_key.expiring",
    severity="warning",
    at=NOW,
    key_id=KEY_ID,
    numbers={"days": 7},
)
ACKNOWLEDGE = AcknowledgeAlert(at=at(60), by=OWNER)
RAISED = AlertRaised(
    alert_id=RAISE.alert_id,
    organization_id=ORGANIZATION_ID,
    alert_type="api_key.expiring",
    severity="warning",
    raised_at=NOW,
    key_id=KEY_ID,
    numbers={"days": 7},
)
ACKNOWLEDGED = AlertAcknowledged(acknowledged_at=at(60), acknowledged_by=OWNER)
ALERT_RAISED = Alert(
    id=RAISE.alert_id,
    organization_id=ORGANIZATION_ID,
    type="api_key.expiring",
    severity="warning",
    raised_at=NOW,
    key_id=KEY_ID,
    numbers={"days": 7},
    revision=1,
)
OPEN = Open(ALERT_RAISED)
SEEN = Acknowledged(replace(ALERT_RAISED, revision=2), at(60), OWNER)


def test_an_alert_is_raised_with_the_numbers_that_triggered_it() -> None:
    assert ALERT.decide(None, RAISE) == (RAISED,)
    assert ALERT.evolve(None, RAISED) == OPEN


@pytest.mark.parametrize("state", [OPEN, SEEN])
def test_raising_an_existing_alert_produces_no_event(state: AlertState) -> None:
    assert ALERT.decide(state, replace(RAISE, at=at(3_600))) == ()


def test_only_the_first_acknowledgement_of_an_alert_is_recorded() -> None:
    assert ALERT.decide(OPEN, ACKNOWLEDGE) == (ACKNOWLEDGED,)
    assert ALERT.evolve(OPEN, ACKNOWLEDGED) == SEEN
    assert ALERT.decide(SEEN, AcknowledgeAlert(at=at(120), by=UserActor(an_id("user", 5)))) == ()


def test_an_alert_that_was_never_raised_cannot_be_acknowledged() -> None:
    with pytest.raises(AlertNotFound):
        ALERT.decide(None, ACKNOWLEDGE)


@pytest.mark.parametrize(("state", "event"), [(OPEN, RAISED), (None, ACKNOWLEDGED), (SEEN, ACKNOWLEDGED)])
def test_an_impossible_history_is_refused(state: AlertState, event: AlertRaised | AlertAcknowledged) -> None:
    with pytest.raises(ImpossibleHistory):
        ALERT.evolve(state, event)


def test_the_alert_id_is_derived_from_the_cause_and_its_time() -> None:
    first = alert_id("expiring a 7", NOW)
    assert is_id("alert", first)
    assert alert_id("expiring a 7", NOW) == first
    assert alert_id("expiring a 1", NOW) != first
    assert alert_id("expiring a 7", NOW + timedelta(days=1)) != first
