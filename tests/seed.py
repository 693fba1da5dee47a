"""Organizations, keys and MCPs in a real database, created the way the application creates them."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast

import msgspec

from domain.actor import SystemActor, UserActor
from domain.decider import Decider
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.permissions import Permissions
from domain.mcps.commands import McpCommand, RegisterMcp
from domain.mcps.decider import MCP
from domain.members.commands import AddMember, MemberCommand
from domain.members.decider import MEMBER
from domain.members.events import Role
from domain.organizations.commands import ChangeOrganization, CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import Settings
from domain.plans.plan import PLANS, KeyCounts, McpCounts, MemberCounts, PlanName
from domain.secret import ENTROPY_BYTES, Secret, fingerprint, generate
from eventstore.execute import Write, execute, no_guard
from eventstore.idempotency import StoredResponse
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import keys_guard, mcps_guard
from projections.registry import INLINE
from tests.random_input import random_bytes

OWNER = UserActor(new_id("user"))
OPERATOR = SystemActor("operator")
"""The default creator of keys. A key created by a person who is not a member would have no access."""


def slug_of(organization_id: str) -> str:
    """Return the slug that `organization` gives to the organization."""
    return organization_id.replace("_", "-")


async def organization(pool: Pool, plan: PlanName = "team") -> str:
    """Create an organization and return its id. The plan `team` has no key limit."""
    organization_id = new_id("org")
    command = CreateOrganization(
        organization_id=organization_id,
        name="Acme",
        slug=slug_of(organization_id),
        plan=plan,
        at=now(),
        by=OWNER,
    )
    write = Write(
        decider=ORGANIZATION,
        stream_id=organization_id,
        organization_id=organization_id,
        command=lambda _: command,
        guard=no_guard(),
        at=command.at,
        origin=Origin(OWNER),
    )
    await execute(pool, write, INLINE)
    return organization_id


async def settings(pool: Pool, organization_id: str, given: Settings) -> None:
    """Replace the settings of the organization."""
    command = ChangeOrganization(by_owner=True, settings=given)
    await execute_command(pool, ORGANIZATION, organization_id, organization_id, command)


async def key(pool: Pool, organization_id: str, **fields: Any) -> tuple[str, Secret]:  # noqa: ANN401
    """Create a live key for all MCPs and return its id and secret; `fields` are those of `CreateKey`.

    MCPs that `permissions` names must also be in `known_mcps`.
    """
    at = cast("datetime", fields.get("at", now()))
    secret = generate(fields.get("environment", "live"), random_bytes(ENTROPY_BYTES))
    template = CreateKey(
        key_id=new_id("key"),
        organization_id=organization_id,
        name="Deploy",
        environment="live",
        permissions=Permissions(mcps="*"),
        secret=fingerprint(secret),
        at=at,
        by=OPERATOR,
        authority=UNRESTRICTED,
        counts=KeyCounts(0, 0, None, "team"),
        known_mcps={},
    )
    command = msgspec.structs.replace(template, **fields)

    def with_census(counts: KeyCounts) -> CreateKey:
        return msgspec.structs.replace(command, counts=counts)

    write = Write(
        decider=KEY,
        stream_id=command.key_id,
        organization_id=organization_id,
        command=with_census,
        guard=keys_guard(organization_id, PLANS),
        at=at,
        origin=Origin(OWNER),
    )
    await execute(pool, write, INLINE)
    return command.key_id, secret


async def mcp(pool: Pool, organization_id: str, also: Sequence[Statement] = (), **fields: Any) -> str:  # noqa: ANN401
    """Register a live MCP without a credential and return its id; `fields` are those of `RegisterMcp`.

    `also`: statements for the same transaction. They need an `mcp_id` that is among the fields.
    """
    template = RegisterMcp(
        mcp_id=new_id("mcp"),
        organization_id=organization_id,
        name="Files",
        endpoint_url="https://mcp.example.com/mcp",
        environment="live",
        auth_type="none",
        at=now(),
        by=OWNER,
        counts=McpCounts(0, None, "team"),
    )
    command = msgspec.structs.replace(template, **fields)
    await change_mcp(pool, organization_id, command.mcp_id, command, also)
    return command.mcp_id


async def change_mcp(
    pool: Pool,
    organization_id: str,
    mcp_id: str,
    command: McpCommand,
    also: Sequence[Statement] = (),
    *,
    at: datetime | None = None,
) -> None:
    write = Write(
        decider=MCP,
        stream_id=mcp_id,
        organization_id=organization_id,
        command=lambda _: command,
        guard=mcps_guard(organization_id, PLANS),
        at=at or now(),
        origin=Origin(OWNER),
        extra_statements=lambda _: also,
    )
    await execute(pool, write, INLINE)


async def member(pool: Pool, organization_id: str, role: Role) -> str:
    """Add a member and return their id; their email address is the id at example.com. The first must be the owner."""
    user_id = new_id("user")
    counts = MemberCounts(used=0 if role == "owner" else 1, limit=None, plan="team")
    address = user_put(user_id, organization_id, f"{user_id}@example.com")
    await change_member(
        pool, organization_id, user_id, AddMember(user_id, organization_id, role, now(), counts), address
    )
    return user_id


async def change_member(
    pool: Pool, organization_id: str, user_id: str, command: MemberCommand, *also: Statement
) -> None:
    await execute_command(pool, MEMBER, user_id, organization_id, command, *also)


async def execute_command(
    pool: Pool,
    decider: Decider[Any, Any, Any],
    stream_id: str,
    organization_id: str,
    command: Any,  # noqa: ANN401 -- of the decider
    *also: Statement,
) -> None:
    """Execute a command that depends only on its own stream, with statements for the same transaction."""
    await execute_and_write(pool, decider, stream_id, organization_id, command, lambda _: also)


async def execute_and_write(
    pool: Pool,
    decider: Decider[Any, Any, Any],
    stream_id: str,
    organization_id: str,
    command: Any,  # noqa: ANN401 -- of the decider
    also: Callable[[Any], Sequence[Statement]],
) -> None:
    """Execute a command with statements that depend on the change."""
    write: Write[Any, Any, Any, Any] = Write(
        decider=decider,
        stream_id=stream_id,
        organization_id=organization_id,
        command=lambda _: command,
        guard=no_guard(),
        at=now(),
        origin=Origin(OWNER),
        extra_statements=also,
    )
    assert not isinstance(await execute(pool, write, INLINE), StoredResponse)
