"""GET and PATCH /v1/session/notifications: of which alerts the person who is signed in gets mails."""

from typing import Any, cast

from litestar import get, patch
from msgspec import UNSET, Struct, UnsetType

from app.changes import change
from app.outcomes import carry_out
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, person_of, query_of, services_of, success
from app.security.callers import PersonCaller
from app.services import Services
from domain.alerts.events import AlertType
from domain.members.commands import ChangeNotifications
from domain.members.decider import MEMBER
from domain.members.events import Role, Threshold
from domain.members.notifications import Notifications, seen_types, threshold_of
from domain.members.state import Member
from eventstore.clock import new_event_id, now
from eventstore.execute import Write, no_guard
from eventstore.recorded import Origin
from projections.mail_preferences.queries import preferences_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """What is not given stays as it is; null takes a choice back."""

    threshold: Threshold | UnsetType | None = UNSET
    thresholds: dict[AlertType, Threshold | None] | UnsetType = UNSET


@get("/v1/session/notifications", only="people")
async def notifications(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    person = person_of(request)
    chosen = await chosen_by(services_of(request), person)
    return success(notifications_shape(chosen, person.role), headers={"ETag": f'"{person.revision}"'})


@patch("/v1/session/notifications", only="people")
async def change_notifications(request: HttpRequest) -> HttpResponse:
    query_of(request, NoParameters)
    person, wanted = person_of(request), body_of(request, Body)
    command = ChangeNotifications(at=now(), threshold=wanted.threshold, thresholds=wanted.thresholds)
    return await change(
        request,
        MEMBER,
        person.user_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=lambda made: notifications_shape(cast("Member", made.after).notifications, person.role),
    )


async def choose(services: Services, person: PersonCaller, command: ChangeNotifications, origin: Origin) -> None:
    """The same for those who need no answer of the API."""
    write = Write(
        decider=MEMBER,
        stream_id=person.user_id,
        organization_id=person.organization_id,
        command=lambda _: command,
        guard=no_guard(),
        at=command.at,
        origin=origin,
        new_event_id=new_event_id,
        relies_on=person.reliance,
    )
    await carry_out(services, write)


async def chosen_by(services: Services, person: PersonCaller) -> Notifications:
    async with services.reading(person.organization_id) as connection:
        return await preferences_of(connection, person.user_id, person.organization_id)


def notifications_shape(chosen: Notifications, role: Role) -> dict[str, Any]:
    """What they chose; and `mailed`, what holds, for every type of alert that their role may see."""
    return {
        "threshold": chosen.threshold,
        "thresholds": chosen.thresholds,
        "mailed": {alert_type: threshold_of(chosen, role, alert_type) for alert_type in seen_types(role)},
    }
