"""Of which alerts somebody gets mails: by their role, unless they chose otherwise; never of what they may not see."""

import pytest
from hypothesis import given as for_any
from hypothesis import strategies as st
from msgspec import UNSET

from domain.alerts.events import AlertType, Severity
from domain.members.commands import ChangeNotifications, ChangeRole
from domain.members.decider import MEMBER
from domain.members.errors import MemberNotFound
from domain.members.events import MemberEvent, MemberRoleChanged, NotificationsChanged, Role, Threshold
from domain.members.notifications import ALERT_TYPES, Notifications, can_see, seen_types, threshold_of, wants_mail
from domain.members.roles import ROLES, authority_of
from domain.members.state import Member
from tests.domain.members.people import ADDED, FOUNDED, REMOVED
from tests.domain.sample import NOW, ORGANIZATION_ID, OWNER, at
from tests.given import given

LESS = NotificationsChanged("critical", {}, changed_at=at(5))
NOTHING = Notifications()


def test_everybody_chooses_for_themselves_the_owner_too() -> None:
    asked = ChangeNotifications(at(5), threshold="critical")
    for somebody in (FOUNDED, ADDED):
        given(MEMBER, somebody).when(asked).then(LESS)
        given(MEMBER, somebody, LESS).when(asked).then()
    given(MEMBER).when(asked).then_refused(MemberNotFound)
    given(MEMBER, ADDED, REMOVED).when(asked).then_refused(MemberNotFound)


def test_a_choice_for_a_type_leaves_the_others_as_they_are_and_none_takes_it_back() -> None:
    first = NotificationsChanged("critical", {"api_key.expiring": "info", "usage.threshold": "off"}, changed_at=at(6))
    more = ChangeNotifications(at(6), thresholds={"api_key.expiring": "info", "usage.threshold": "off"})
    given(MEMBER, ADDED, LESS).when(more).then(first)
    less = ChangeNotifications(
        at(7), threshold=None, thresholds={"api_key.expiring": None, "api_key.error_spike": None}
    )
    given(MEMBER, ADDED, first).when(less).then(
        NotificationsChanged(None, {"usage.threshold": "off"}, changed_at=at(7))
    )
    given(MEMBER, ADDED, first).when(ChangeNotifications(at(8))).then()


def test_what_somebody_chose_outlives_another_role() -> None:
    state = MEMBER.fold([ADDED, LESS, MemberRoleChanged("viewer", changed_at=at(8))])
    assert isinstance(state, Member)
    assert (state.role, state.notifications, state.revision) == ("viewer", Notifications("critical"), 3)
    change = ChangeRole("admin", at(9), by=OWNER, authority=authority_of("owner"))
    given(MEMBER, ADDED, LESS).when(change).then(MemberRoleChanged("admin", changed_at=at(9)))


USUAL: dict[Role, dict[bool, Threshold]] = {
    "owner": {True: "warning", False: "warning"},
    "admin": {True: "warning", False: "warning"},
    "member": {True: "warning", False: "off"},
    "auditor": {True: "off", False: "off"},
    "viewer": {True: "off", False: "off"},
}
"""From which severity on, by role: of alerts about keys, of those about the organization."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("alert_type", ALERT_TYPES)
def test_who_chose_nothing_gets_what_is_usual_for_their_role(role: Role, alert_type: AlertType) -> None:
    usual = USUAL[role][alert_type.startswith("api_key.")]
    assert threshold_of(NOTHING, role, alert_type) == usual
    assert wants_mail(NOTHING, role, alert_type, "critical", own_key=True) == (usual != "off")
    assert wants_mail(NOTHING, role, alert_type, "warning", own_key=True) == (usual != "off")
    assert not wants_mail(NOTHING, role, alert_type, "info", own_key=True)


def test_a_choice_for_a_type_goes_before_the_one_for_everything() -> None:
    chosen = Notifications("critical", {"api_key.expiring": "info", "api_key.error_spike": "off"})
    severities: tuple[Severity, ...] = ("info", "warning", "critical")

    def told(alert_type: AlertType) -> list[Severity]:
        return [each for each in severities if wants_mail(chosen, "admin", alert_type, each, own_key=False)]

    assert told("api_key.expiring") == ["info", "warning", "critical"]
    assert told("api_key.error_spike") == []
    assert told("api_key.new_location") == ["critical"]


SEES = {
    "owner": (True, True, True),
    "admin": (True, True, True),
    "auditor": (True, True, True),
    "member": (True, False, True),
    "viewer": (False, False, True),
}
"""Alerts about a key that they made, about another one, about the organization, after the table of roles."""


@pytest.mark.parametrize("role", ROLES)
def test_nobody_is_told_of_what_their_role_may_not_see(role: Role) -> None:
    own, other, organization = SEES[role]
    assert can_see(role, "api_key.expiring", own_key=True) == own
    assert can_see(role, "api_key.expiring", own_key=False) == other
    assert can_see(role, "usage.threshold", own_key=False) == organization
    assert ("api_key.expiring" in seen_types(role), "usage.threshold" in seen_types(role)) == (own, organization)
    everything = Notifications("info")
    assert wants_mail(everything, role, "api_key.expiring", "critical", own_key=False) == other


thresholds = st.sampled_from(["info", "warning", "critical", "off"])
types = st.sampled_from(ALERT_TYPES)


@for_any(st.lists(st.tuples(st.none() | thresholds, st.dictionaries(types, st.none() | thresholds))))
def test_the_log_says_what_was_chosen_last(
    choices: list[tuple[Threshold | None, dict[AlertType, Threshold | None]]],
) -> None:
    """However often somebody changes their mind: folded, it is as if they had said it all at once."""
    events: list[MemberEvent] = [ADDED]
    general: Threshold | None = None
    by_type: dict[AlertType, Threshold] = {}
    for threshold, by in choices:
        state = MEMBER.fold(events)
        events += MEMBER.decide(state, ChangeNotifications(NOW, threshold=threshold or UNSET, thresholds=by))
        general = threshold or general
        for each, level in by.items():
            by_type.pop(each, None)
            if level is not None:
                by_type[each] = level
    state = MEMBER.fold(events)
    assert isinstance(state, Member)
    assert state.notifications == Notifications(general, by_type)
    assert state.organization_id == ORGANIZATION_ID
