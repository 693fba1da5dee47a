"""GET and PATCH /v1/session/notifications: read or change which alerts the signed-in user gets by mail."""

from typing import Any, cast

from litestar import get, patch
from msgspec import UNSET, Struct, UnsetType

from app.auth.callers import PersonCaller
from app.commands.run_command import run_command
from app.handlers import (
    Empty,
    HttpRequest,
    HttpResponse,
    get_services,
    parse_body,
    parse_query,
    require_person,
    success,
)
from app.services import Services
from domain.alerts.events import AlertType
from domain.members.commands import ChangeNotifications
from domain.members.decider import MEMBER
from domain.members.events import Role, Threshold
from domain.members.notifications import Notifications, seen_types, threshold_of
from domain.members.state import Member
from eventstore.recorded import Origin
from infrastructure.clock import now
from projections.read_models.members.mail_preferences.queries import preferences_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Absent fields stay unchanged; null resets a field to the default."""

    threshold: Threshold | UnsetType | None = UNSET
    thresholds: dict[AlertType, Threshold | None] | UnsetType = UNSET


@get("/v1/session/notifications", access="people")
async def notifications(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    person = require_person(request)
    chosen = await notifications_of(get_services(request), person)
    return success(notifications_shape(chosen, person.role), headers={"ETag": f'"{person.revision}"'})


@patch("/v1/session/notifications", access="people")
async def change_notifications(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    person, body = require_person(request), parse_body(request, Body)
    command = ChangeNotifications(at=now(), threshold=body.threshold, thresholds=body.thresholds)
    return await run_command(
        request,
        MEMBER,
        person.user_id,
        command,
        render=lambda change: notifications_shape(cast("Member", change.after).notifications, person.role),
    )


async def update_preferences(
    services: Services, person: PersonCaller, command: ChangeNotifications, origin: Origin
) -> None:
    """Change the preferences without an API response, for the account page."""
    await services.commands.run(
        MEMBER,
        person.user_id,
        person.organization_id,
        command,
        origin=origin,
        at=command.at,
        requires_unchanged=person.version_precondition,
    )


async def notifications_of(services: Services, person: PersonCaller) -> Notifications:
    async with services.read_transaction(person.organization_id) as connection:
        return await preferences_of(connection, person.user_id, person.organization_id)


def notifications_shape(chosen: Notifications, role: Role) -> dict[str, Any]:
    """Return the user's choices, and in `mailed` the effective threshold of every alert type that the role can see."""
    return {
        "threshold": chosen.threshold,
        "thresholds": chosen.thresholds,
        "mailed": {alert_type: threshold_of(chosen, role, alert_type) for alert_type in seen_types(role)},
    }
