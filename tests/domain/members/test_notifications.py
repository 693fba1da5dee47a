"""Alert mails per member: the role's defaults, the member's choices, and the limits of what a role may see."""

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


def test_every_member_can_change_their_own_notifications() -> None:
    change = ChangeNotifications(at(5), threshold="critical")
    for added in (FOUNDED, ADDED):
        given(MEMBER, added).when(change).then(LESS)
        given(MEMBER, added, LESS).when(change).then()
    given(MEMBER).when(change).then_refused(MemberNotFound)
    given(MEMBER, ADDED, REMOVED).when(change).then_refused(MemberNotFound)


def test_a_choice_for_one_type_keeps_the_others_and_null_removes_it() -> None:
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


def test_choices_survive_a_change_of_role() -> None:
    state = MEMBER.fold([ADDED, LESS, MemberRoleChanged("viewer", changed_at=at(8))])
    assert isinstance(state, Member)
    assert (state.role, state.notifications, state.revision) == ("viewer", Notifications("critical"), 3)
    change = ChangeRole("admin", at(9), by=OWNER, authority=authority_of("owner"))
    given(MEMBER, ADDED, LESS).when(change).then(MemberRoleChanged("admin", changed_at=at(9)))


DEFAULT_THRESHOLDS: dict[Role, dict[bool, Threshold]] = {
    "owner": {True: "warning", False: "warning"},
    "admin": {True: "warning", False: "warning"},
    "member": {True: "warning", False: "off"},
    "auditor": {True: "off", False: "off"},
    "viewer": {True: "off", False: "off"},
}
"""Default thresholds by role, for alerts about keys and for others."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("alert_type", ALERT_TYPES)
def test_a_member_without_choices_gets_the_defaults_of_their_role(role: Role, alert_type: AlertType) -> None:
    default = DEFAULT_THRESHOLDS[role][alert_type.startswith("api_key.")]
    assert threshold_of(NOTHING, role, alert_type) == default
    assert wants_mail(NOTHING, role, alert_type, "critical", own_key=True) == (default != "off")
    assert wants_mail(NOTHING, role, alert_type, "warning", own_key=True) == (default != "off")
    assert not wants_mail(NOTHING, role, alert_type, "info", own_key=True)


def test_a_choice_for_a_type_overrides_the_general_choice() -> None:
    chosen = Notifications("critical", {"api_key.expiring": "info", "api_key.error_spike": "off"})
    severities: tuple[Severity, ...] = ("info", "warning", "critical")

    def mailed(alert_type: AlertType) -> list[Severity]:
        return [each for each in severities if wants_mail(chosen, "admin", alert_type, each, own_key=False)]

    assert mailed("api_key.expiring") == ["info", "warning", "critical"]
    assert mailed("api_key.error_spike") == []
    assert mailed("api_key.new_location") == ["critical"]


VISIBLE = {
    "owner": (True, True, True),
    "admin": (True, True, True),
    "auditor": (True, True, True),
    "member": (True, False, True),
    "viewer": (False, False, True),
}
"""Visibility by role of alerts about own keys, other keys and the organization."""


@pytest.mark.parametrize("role", ROLES)
def test_no_alert_is_sent_to_a_role_that_cannot_see_it(role: Role) -> None:
    own, other, organization = VISIBLE[role]
    assert can_see(role, "api_key.expiring", own_key=True) == own
    assert can_see(role, "api_key.expiring", own_key=False) == other
    assert can_see(role, "usage.threshold", own_key=False) == organization
    assert ("api_key.expiring" in seen_types(role), "usage.threshold" in seen_types(role)) == (own, organization)
    everything = Notifications("info")
    assert wants_mail(everything, role, "api_key.expiring", "critical", own_key=False) == other


thresholds = st.sampled_from(["info", "warning", "critical", "off"])
types = st.sampled_from(ALERT_TYPES)


@for_any(st.lists(st.tuples(st.none() | thresholds, st.dictionaries(types, st.none() | thresholds))))
def test_the_state_contains_the_latest_choices(
    choices: list[tuple[Threshold | None, dict[AlertType, Threshold | None]]],
) -> None:
    """Any number of changes folds to the same state as a single change with the final values."""
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
