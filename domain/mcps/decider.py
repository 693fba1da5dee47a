"""Decisions about an MCP."""

from typing import assert_never, get_args
from urllib.parse import urlsplit

from msgspec import UNSET
from msgspec.structs import replace

from domain.decider import Decider, ImpossibleHistory
from domain.fields import FieldErrors
from domain.mcps.commands import ChangeMcp, DeleteMcp, McpCommand, RecordHealth, RegisterMcp
from domain.mcps.errors import McpLimitReached, McpNotFound
from domain.mcps.events import (
    McpActivated,
    McpChanged,
    McpDeactivated,
    McpDeleted,
    McpEvent,
    McpHealthChanged,
    McpRegistered,
)
from domain.mcps.state import Active, Deleted, Inactive, Mcp, McpState, Registered
from domain.refusal import Conflict

ENDPOINT_URL_LENGTH_MAX = 2_000


def decide(state: McpState, command: McpCommand) -> tuple[McpEvent, ...]:
    match command:
        case RegisterMcp():
            return _register(state, command)
        case ChangeMcp():
            return _change(_require_registered(state), command)
        case RecordHealth():
            return _record_health(_require_registered(state).mcp, command)
        case DeleteMcp():
            _require_registered(state)
            return (McpDeleted(deleted_at=command.at),)
        case _:
            assert_never(command)


def evolve(state: McpState, event: McpEvent) -> McpState:
    if isinstance(event, McpRegistered):
        return _initial_state(state, event)
    if not isinstance(state, Registered):
        raise ImpossibleHistory(event)
    mcp = replace(state.mcp, revision=state.mcp.revision + 1)
    match event:
        case McpChanged():
            return replace(state, mcp=_apply_change(mcp, event))
        case McpDeactivated():
            return Inactive(replace(mcp, updated_at=event.deactivated_at))
        case McpActivated():
            return Active(replace(mcp, updated_at=event.activated_at))
        case McpHealthChanged():
            return replace(state, mcp=replace(mcp, unhealthy=event.health == "unhealthy"))
        case McpDeleted():
            return Deleted(replace(mcp, updated_at=event.deleted_at), deleted_at=event.deleted_at)
        case _:
            assert_never(event)


def _require_registered(state: McpState) -> Registered:
    if not isinstance(state, Registered):
        raise McpNotFound
    return state


def _register(state: McpState, command: RegisterMcp) -> tuple[McpEvent, ...]:
    if state is not None:
        raise Conflict("An MCP with this id already exists.")
    problems = _problems(command.name, command.description, command.endpoint_url, command.endpoint_problem)
    problems.raise_if_any()
    counts = command.counts
    if counts.limit is not None and counts.used >= counts.limit:
        raise McpLimitReached(limit=counts.limit, used=counts.used, plan=counts.plan)
    return (
        McpRegistered(
            mcp_id=command.mcp_id,
            organization_id=command.organization_id,
            name=command.name,
            endpoint_url=command.endpoint_url,
            environment=command.environment,
            auth_type=command.auth_type,
            created_at=command.at,
            created_by=command.by,
            description=command.description,
            health_checks=UNSET if command.health_checks else False,
        ),
    )


def _change(state: Registered, command: ChangeMcp) -> tuple[McpEvent, ...]:
    mcp = state.mcp
    health_checks = mcp.health_checks if command.health_checks is UNSET else command.health_checks
    changed = McpChanged(
        name=mcp.name if command.name is UNSET else command.name,
        description=mcp.description if command.description is UNSET else command.description,
        endpoint_url=mcp.endpoint_url if command.endpoint_url is UNSET else command.endpoint_url,
        environment=mcp.environment if command.environment is UNSET else command.environment,
        auth_type=mcp.auth_type if command.auth_type is UNSET else command.auth_type,
        changed_at=command.at,
        # Every auth_type but none comes with a new credential, and none removes the credential of another auth_type.
        credential_replaced=command.auth_type is not UNSET and {command.auth_type, mcp.auth_type} != {"none"},
        health_checks=UNSET if health_checks else False,
    )
    problems = _problems(changed.name, changed.description, changed.endpoint_url, command.endpoint_problem)
    if (
        not changed.credential_replaced
        and mcp.auth_type != "none"
        and _scheme_and_host(changed) != _scheme_and_host(mcp)
    ):
        # Otherwise a caller who may change an MCP could send its credential to their own server and read it there.
        problems.add("endpoint_url", "Is at another host. Send a credential for this host, or set auth_type to none")
    problems.raise_if_any()
    events: list[McpEvent] = []
    if changed.credential_replaced or _apply_change(mcp, changed) != replace(mcp, updated_at=command.at):
        events.append(changed)
    if command.status == "inactive" and isinstance(state, Active):
        events.append(McpDeactivated(deactivated_at=command.at))
    if command.status == "active" and isinstance(state, Inactive):
        events.append(McpActivated(activated_at=command.at))
    return tuple(events)


def _record_health(mcp: Mcp, command: RecordHealth) -> tuple[McpEvent, ...]:
    if command.endpoint_changed_at != mcp.endpoint_changed_at or mcp.unhealthy == (command.health == "unhealthy"):
        return ()
    return (McpHealthChanged(health=command.health, checked_at=command.at, reason=command.reason),)


def _problems(name: str, description: str, endpoint_url: str, endpoint_problem: str | None) -> FieldErrors:
    problems = FieldErrors()
    problems.name("name", name)
    problems.description("description", description)
    problems.text("endpoint_url", endpoint_url, ENDPOINT_URL_LENGTH_MAX)
    if endpoint_problem is not None:
        problems.add("endpoint_url", endpoint_problem)
    return problems


def _scheme_and_host(mcp: Mcp | McpChanged) -> str:
    """Return the scheme and host of the endpoint. A URL that cannot be parsed is returned unchanged."""
    try:
        parts = urlsplit(mcp.endpoint_url)
    except ValueError:
        return mcp.endpoint_url
    return f"{parts.scheme}://{parts.hostname}"


def _initial_state(state: McpState, event: McpRegistered) -> Active:
    if state is not None:
        raise ImpossibleHistory(event)
    return Active(
        Mcp(
            id=event.mcp_id,
            organization_id=event.organization_id,
            name=event.name,
            description=event.description,
            endpoint_url=event.endpoint_url,
            environment=event.environment,
            auth_type=event.auth_type,
            created_at=event.created_at,
            revision=1,
            updated_at=event.created_at,
            endpoint_changed_at=event.created_at,
            health_checks=event.health_checks is UNSET,
        )
    )


def _apply_change(mcp: Mcp, event: McpChanged) -> Mcp:
    health_checks = event.health_checks is UNSET
    moved = event.credential_replaced or event.endpoint_url != mcp.endpoint_url or health_checks != mcp.health_checks
    return replace(
        mcp,
        name=event.name,
        description=event.description,
        endpoint_url=event.endpoint_url,
        environment=event.environment,
        auth_type=event.auth_type,
        updated_at=event.changed_at,
        endpoint_changed_at=event.changed_at if moved else mcp.endpoint_changed_at,
        # Results for another address or with another credential do not apply to the new one.
        unhealthy=mcp.unhealthy and not moved,
        health_checks=health_checks,
    )


MCP: Decider[McpState, McpCommand, McpEvent] = Decider(
    kind="mcp", initial=None, decide=decide, evolve=evolve, event_types=get_args(McpEvent)
)
