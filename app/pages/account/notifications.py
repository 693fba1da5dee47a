"""The mail preferences on /account, and POST /account/notifications to change them."""

from typing import Literal, NamedTuple

from msgspec import Struct, defstruct

from app.api.session.notifications import update_preferences
from app.auth.callers import PersonCaller
from app.handlers import get_services, raw_request
from app.pages.page import Page
from app.pages.rendering import PageResponse
from app.pages.visit import Visit
from app.pages.wording.words import ALERT_EVENTS
from domain.alerts.events import AlertType
from domain.members.commands import ChangeNotifications
from domain.members.events import Threshold
from domain.members.notifications import ALERT_TYPES, Notifications, seen_types, threshold_of
from infrastructure.clock import now

ANCHOR = "/account#mails"

LEVELS: dict[Threshold, str] = {
    "info": "Everything",
    "warning": "Warnings and critical",
    "critical": "Critical alerts only",
    "off": "Nothing",
}

Choice = Literal["", "info", "warning", "critical", "off"]
"""The empty value means that the user has not chosen."""


def _field(alert_type: AlertType) -> str:
    return alert_type.replace(".", "_")


Form: type[Struct] = defstruct(
    "Form",
    [("threshold", Choice, ""), *[(_field(each), Choice, "") for each in ALERT_TYPES]],
    frozen=True,
)


class Shown(NamedTuple):
    """A field of the form: the user's choice, and the level that applies without one."""

    field: str
    title: str
    chosen: Choice
    default: str


def shown(chosen: Notifications, person: PersonCaller) -> list[Shown]:
    """Return one field for all alerts and one for each type that the user's role can see."""
    fields = [Shown("threshold", "All alerts that I can see", chosen.threshold or "", "Default for my role")]
    for alert_type in seen_types(person.role):
        level = threshold_of(Notifications(chosen.threshold), person.role, alert_type)
        own: Choice = chosen.thresholds.get(alert_type) or ""
        fields.append(Shown(_field(alert_type), ALERT_EVENTS[alert_type], own, f"As above: {LEVELS[level].lower()}"))
    return fields


@Page("POST", "/account/notifications", access="people")
async def notifications_form(visit: Visit) -> PageResponse:
    form, person = visit.fields.to_struct(Form), visit.person
    command = ChangeNotifications(
        at=now(),
        threshold=getattr(form, "threshold") or None,  # noqa: B009 -- the fields are generated from the alert types
        thresholds={each: getattr(form, _field(each)) or None for each in seen_types(person.role)},
    )
    services, origin = get_services(visit.request), person.origin(raw_request(visit.request))
    await update_preferences(services, person, command, origin)
    return visit.go_to(ANCHOR, "mails_saved")
