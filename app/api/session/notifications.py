"""GET and PATCH /v1/session/notifications: read or change which alerts the signed-in user gets by mail."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.auth.callers import PersonCaller
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services, require_person, success
from app.route import Route
from app.services import Services
from domain.alerts.events import AlertType
from domain.decider import ImpossibleHistory
from domain.members import notifications as domain
from domain.members.commands import ChangeNotifications
from domain.members.decider import MEMBER
from domain.members.events import MemberEvent, Role, Threshold
from domain.members.state import Member, MemberState
from eventstore.execute import Change
from eventstore.recorded import Origin
from infrastructure.clock import now
from projections.read_models.members.mail_preferences.queries import preferences_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """Absent fields stay unchanged; null resets a field to the default."""

    threshold: (
        Annotated[
            Threshold | None,
            Meta(
                description="The lowest severity to mail, for all types without their own threshold; null: the role's "
                "default."
            ),
        ]
        | UnsetType
    ) = UNSET
    thresholds: (
        Annotated[
            dict[AlertType, Threshold | None],
            Meta(
                description="Thresholds by type of alert; null resets a type to the default. Omitted types stay "
                "unchanged."
            ),
        ]
        | UnsetType
    ) = UNSET


class Notifications(Struct, frozen=True):
    """The alerts that a user gets by mail: their choices, and in `mailed` the effective threshold for each type."""

    threshold: Threshold | None
    thresholds: dict[AlertType, Threshold]
    mailed: dict[AlertType, Threshold]


_EXAMPLE = Notifications(
    threshold=None,
    thresholds={"api_key.expiring": "info"},
    mailed={"api_key.expiring": "info", "api_key.new_location": "warning", "usage.threshold": "off"},
)


@Route(
    "GET",
    "/v1/session/notifications",
    access="people",
    tag="Sessions",
    summary="Get the mail preferences",
    description="The alerts that the signed-in user gets by mail: their choices, and the effective threshold of each "
    "alert type that they can see.",
    example=_EXAMPLE,
    has_revision=True,
)
async def get_notifications(request: HttpRequest) -> Success[Notifications]:
    person = require_person(request)
    chosen = await notifications_of(get_services(request), person)
    return success(_to_notifications(chosen, person.role), revision=person.revision)


@Route(
    "PATCH",
    "/v1/session/notifications",
    access="people",
    tag="Sessions",
    summary="Update the mail preferences",
    description="The alerts that the signed-in user gets by mail. Alerts that their role cannot see are never sent.",
    body_example={"thresholds": {"api_key.expiring": "info"}},
    example=_EXAMPLE,
    has_revision=True,
    if_match=True,
)
async def update_notifications(request: HttpRequest, body: Body) -> Success[Notifications]:
    person = require_person(request)
    command = ChangeNotifications(at=now(), threshold=body.threshold, thresholds=body.thresholds)

    def render(change: Change[MemberState, MemberEvent]) -> Notifications:
        if not isinstance(change.after, Member):
            raise ImpossibleHistory(change)
        return _to_notifications(change.after.notifications, person.role)

    return await run_command(request, MEMBER, person.user_id, command, render=render)


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


async def notifications_of(services: Services, person: PersonCaller) -> domain.Notifications:
    async with services.read_transaction(person.organization_id) as connection:
        return await preferences_of(connection, person.user_id, person.organization_id)


def _to_notifications(chosen: domain.Notifications, role: Role) -> Notifications:
    """Return the user's choices, and in `mailed` the effective threshold of every alert type that the role can see."""
    return Notifications(
        threshold=chosen.threshold,
        thresholds=chosen.thresholds,
        mailed={alert_type: domain.threshold_of(chosen, role, alert_type) for alert_type in domain.seen_types(role)},
    )
