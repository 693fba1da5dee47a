"""Decisions about an organization."""

import re
from datetime import timedelta
from typing import assert_never, get_args

from msgspec import UNSET, json
from msgspec.structs import replace

from domain.anomalies import settings as anomaly_settings
from domain.decider import Decider, ImpossibleHistory
from domain.fields import FieldErrors, has_control
from domain.leaks import policy as leak_policy
from domain.organizations import connect
from domain.organizations.commands import (
    ChangeOrganization,
    ChangePlan,
    CreateOrganization,
    DeleteOrganization,
    EraseOrganization,
    OrganizationCommand,
    RestoreOrganization,
)
from domain.organizations.errors import (
    OnlyOwnerChangesPlan,
    OrganizationIsDeleted,
    OrganizationIsErased,
    OrganizationNotDeleted,
    OrganizationNotFound,
)
from domain.organizations.events import (
    OrganizationCreated,
    OrganizationDeleted,
    OrganizationDetailsChanged,
    OrganizationErased,
    OrganizationEvent,
    OrganizationRestored,
    PlanChanged,
    Settings,
)
from domain.organizations.state import Deleted, Erased, Organization, OrganizationState
from domain.plans.plan import PlanName
from domain.refusal import Conflict

SETTINGS_MAX = 50
SETTING_NAME_LENGTH_MAX = 50
SETTING_LENGTH_MAX = 500
SETTING_NUMBER_MAX = 2**53
"""The range of integers that every JSON parser preserves (RFC 8259 §6)."""

RESTORABLE_FOR = timedelta(days=30)
"""The time for which a deletion can be undone. Credentials and addresses are erased afterwards."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def decide(state: OrganizationState, command: OrganizationCommand) -> tuple[OrganizationEvent, ...]:
    match command:
        case CreateOrganization():
            return _create(state, command)
        case ChangeOrganization():
            return _change(_active(state), command)
        case ChangePlan():
            return _change_plan(_active(state), command.plan)
        case DeleteOrganization():
            return _delete(_active(state), command)
        case RestoreOrganization():
            return _restore(state, command)
        case EraseOrganization():
            return _erase(state, command)
        case _:
            assert_never(command)


def evolve(state: OrganizationState, event: OrganizationEvent) -> OrganizationState:
    match event:
        case OrganizationCreated():
            if state is not None:
                raise ImpossibleHistory(event)
            return Organization(
                id=event.organization_id,
                name=event.name,
                slug=event.slug,
                description="",
                settings={},
                plan=event.plan,
                created_at=event.created_at,
                revision=1,
            )
        case OrganizationDetailsChanged():
            return replace(_next(state, event), name=event.name, description=event.description, settings=event.settings)
        case PlanChanged():
            return replace(_next(state, event), plan=event.plan)
        case OrganizationDeleted():
            return Deleted(_next(state, event), event.deleted_at, event.restorable_until)
        case OrganizationRestored():
            return _next(_deleted(state, event).organization, event)
        case OrganizationErased():
            deleted = _deleted(state, event)
            return Erased(_next(deleted.organization, event), deleted.deleted_at, event.erased_at)
        case _:
            assert_never(event)


def _next(state: OrganizationState, event: OrganizationEvent) -> Organization:
    if not isinstance(state, Organization):
        raise ImpossibleHistory(event)
    return replace(state, revision=state.revision + 1)


def _deleted(state: OrganizationState, event: OrganizationEvent) -> Deleted:
    if not isinstance(state, Deleted):
        raise ImpossibleHistory(event)
    return state


def _active(state: OrganizationState) -> Organization:
    if state is None:
        raise OrganizationNotFound
    if not isinstance(state, Organization):
        raise OrganizationIsDeleted
    return state


def _create(state: OrganizationState, command: CreateOrganization) -> tuple[OrganizationEvent, ...]:
    if state is not None:
        raise Conflict("There is an organization with this id already.")
    problems = FieldErrors()
    problems.name("name", command.name)
    if not _SLUG.fullmatch(command.slug):
        problems.add("slug", "Must be 1 to 63 lower-case letters, digits and inner hyphens")
    problems.raise_if_any()
    return (
        OrganizationCreated(
            organization_id=command.organization_id,
            name=command.name,
            slug=command.slug,
            plan=command.plan,
            created_at=command.at,
            created_by=command.by,
        ),
    )


def _change(state: Organization, command: ChangeOrganization) -> tuple[OrganizationEvent, ...]:
    details = OrganizationDetailsChanged(
        name=state.name if command.name is UNSET else command.name,
        description=state.description if command.description is UNSET else command.description,
        settings=state.settings if command.settings is UNSET else command.settings,
    )
    problems = FieldErrors()
    problems.name("name", details.name)
    problems.description("description", details.description)
    if command.settings is not UNSET:
        # Stored settings are valid according to the rules of the time when they were set.
        _check_settings(problems, command.settings)
    problems.raise_if_any()
    before = OrganizationDetailsChanged(state.name, state.description, state.settings)
    # Compare as JSON, where 1 and true are different values.
    changed = json.encode(details, order="deterministic") != json.encode(before, order="deterministic")
    events: tuple[OrganizationEvent, ...] = (details,) if changed else ()
    if command.plan is UNSET:
        return events
    if not command.by_owner:
        raise OnlyOwnerChangesPlan
    return events + _change_plan(state, command.plan)


def _change_plan(state: Organization, plan: PlanName) -> tuple[OrganizationEvent, ...]:
    return () if state.plan == plan else (PlanChanged(plan=plan),)


def _delete(state: Organization, command: DeleteOrganization) -> tuple[OrganizationEvent, ...]:
    problems = FieldErrors()
    if command.confirm != state.slug:
        # Several organizations of one person can have the same name, but never the same slug.
        problems.add("confirm", f"Must be the slug of the organization that is to be deleted: {state.slug}")
    problems.raise_if_any()
    return (OrganizationDeleted(deleted_at=command.at, restorable_until=command.at + RESTORABLE_FOR),)


def _restore(state: OrganizationState, command: RestoreOrganization) -> tuple[OrganizationEvent, ...]:
    match state:
        case None:
            raise OrganizationNotFound
        case Organization():
            raise OrganizationNotDeleted
        case Deleted() if command.at < state.restorable_until:
            return (OrganizationRestored(restored_at=command.at),)
        case Deleted() | Erased():
            raise OrganizationIsErased
        case _:
            assert_never(state)


def _erase(state: OrganizationState, command: EraseOrganization) -> tuple[OrganizationEvent, ...]:
    """Erase only what can no longer be restored: another worker may be first, and an operator may have restored it."""
    if isinstance(state, Deleted) and command.at >= state.restorable_until:
        return (OrganizationErased(erased_at=command.at),)
    return ()


def _check_settings(problems: FieldErrors, settings: Settings) -> None:
    if len(settings) > SETTINGS_MAX:
        problems.add("settings", f"Must have at most {SETTINGS_MAX} entries")
        return
    for name, value in settings.items():
        if not name or has_control(name):
            problems.add("settings", "A name must not be empty or contain control characters")
        problems.text("settings", name, SETTING_NAME_LENGTH_MAX)
        if isinstance(value, str):
            problems.text("settings", value, SETTING_LENGTH_MAX)
        elif not abs(value) <= SETTING_NUMBER_MAX:
            problems.add("settings", f"A number must lie between -{SETTING_NUMBER_MAX} and {SETTING_NUMBER_MAX}")
    for problem in (
        *anomaly_settings.validate(settings),
        *connect.validate(settings),
        *leak_policy.validate(settings),
    ):
        problems.add("settings", problem)


ORGANIZATION: Decider[OrganizationState, OrganizationCommand, OrganizationEvent] = Decider(
    kind="organization", initial=None, decide=decide, evolve=evolve, event_types=get_args(OrganizationEvent)
)
