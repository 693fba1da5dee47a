"""A demo organization with an owner, an MCP, a management key, and a key that may call the MCP.

The setup may be killed after any step and run again: it creates only what is missing.
"""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TypeVar

from app.admin.demo_plan import OWNER_EMAIL, DemoPlan, PlannedKey, finish_plan, keep_plan, new_plan, unfinished_plan
from app.admin.organizations import list_organizations
from domain.actor import DEMO, UserActor
from domain.decider import Decider
from domain.grants import GRANTS
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.permissions import Permissions
from domain.mcps.commands import RegisterMcp
from domain.mcps.decider import MCP
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.organizations.commands import CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import OrganizationCreated
from domain.plans.plan import PLANS, KeyCounts, McpCounts, MemberCounts
from domain.secret import fingerprint
from eventstore.codec import decode_event, decode_record
from eventstore.execute import Lock
from eventstore.queries import SQL
from eventstore.recorded import Origin
from gateway.endpoint import check_endpoint_url
from infrastructure.clock import now
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, Timeouts, pool
from infrastructure.database.statements import Statement
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.read_models.mcps.list import queries as mcp_list
from projections.read_models.members.list import queries as member_list
from projections.read_models.organizations.counts.queries import keys_guard, mcps_guard, members_guard
from projections.read_models.organizations.list.queries import id_of_slug

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")

_SLUG = "demo"
_MCP_NAME = "Demo MCP server"
_TIMEOUTS = Timeouts(connect=60, acquire=300, lock=300, statement=0, idle_in_transaction=0)
"""No caller waits for the demo, so slow statements are allowed to finish."""


async def has_other_organizations(config: Settings) -> bool:
    """Return whether the database has organizations that are not a demo."""
    async with pool(config.database_url, role=WORKER_ROLE, size_max=1, timeouts=_TIMEOUTS) as connections:
        async for each in list_organizations(connections):
            async with connections.connection() as connection:
                if not await is_demo_organization(connection, each.organization_id):
                    return True
    return False


async def make_demo(
    config: Settings, folder: Path, mcp_url: str, progress: Callable[[int, int], None] = lambda _done, _of: None
) -> None:
    """Create the demo organization and write `demo.env` into `folder`, readable by its owner only.

    A second call continues where an interrupted one stopped.
    """
    async with pool(config.database_url, role=WORKER_ROLE, size_max=2, timeouts=_TIMEOUTS) as connections:
        plan = unfinished_plan(folder)
        if plan is None:
            async with connections.connection() as connection:
                plan = await _plan_with_existing(connection, mcp_url)
            keep_plan(folder, plan)
        demo = _DemoSeeder(connections, plan)
        await demo.make(mcp_url, check_endpoint_url(mcp_url, config.egress), progress)
    finish_plan(folder, plan, config.public_url)


async def _plan_with_existing(connection: Connection, mcp_url: str) -> DemoPlan:
    """Return a plan that reuses the rows of an earlier setup whose `demo.env` was lost or never written."""
    organization_id = await id_of_slug(connection, _SLUG)
    if organization_id is None or not await is_demo_organization(connection, organization_id):
        return new_plan()
    owners = await member_list.page(connection, member_list.Filters(organization_id, "owner"), 1, 0)
    mcps = await mcp_list.page(connection, mcp_list.Filters(organization_id, "active"), 100, 0)
    return new_plan(
        organization_id,
        owners[0].user_id if owners else None,
        next((mcp.mcp_id for mcp in mcps if (mcp.name, mcp.endpoint_url) == (_MCP_NAME, mcp_url)), None),
    )


async def is_demo_organization(connection: Connection, organization_id: str) -> bool:
    """Return whether the setup of a demo created the organization, rather than an operator."""
    cursor = await connection.execute(SQL.streams_load, ([organization_id], organization_id))
    row = await cursor.fetchone()
    created = decode_event(decode_record(bytes(row[1]))) if row else None
    return isinstance(created, OrganizationCreated) and created.created_by == DEMO


class _DemoSeeder:
    """Creates the parts of a plan that the database does not have yet."""

    def __init__(self, connections: Pool, plan: DemoPlan) -> None:
        self._pool = connections
        self._plan = plan
        self._organization_id = plan.organization_id
        self._at = now()

    async def make(self, mcp_url: str, url_problem: str | None, progress: Callable[[int, int], None]) -> None:
        plan = self._plan
        async with self._pool.connection() as connection:
            cursor = await connection.execute(SQL.streams_load, (plan.stream_ids, plan.organization_id))
            there = {row[0] for row in await cursor.fetchall()}
            slug_is_free = await id_of_slug(connection, _SLUG) is None
        # An organization that an operator created with this slug keeps it.
        slug = _SLUG if slug_is_free else f"{_SLUG}-{plan.organization_id[-6:]}"
        parts: list[tuple[str, Callable[[], Awaitable[None]]]] = [
            (plan.organization_id, lambda: self._create_organization(slug)),
            (plan.owner_id, self._add_owner),
            (plan.mcp_id, lambda: self._register_mcp(mcp_url, url_problem)),
            (
                plan.admin.key_id,
                lambda: self._create_key(plan.admin, "Demo management key", Permissions(mcps="*", manage=GRANTS)),
            ),
            (
                plan.caller.key_id,
                lambda: self._create_key(plan.caller, "Demo key", Permissions(mcps=(plan.mcp_id,))),
            ),
        ]
        for done, (stream_id, create) in enumerate(parts):
            progress(done, len(parts))
            if stream_id not in there:
                await create()
        progress(len(parts), len(parts))

    async def _create_organization(self, slug: str) -> None:
        organization = CreateOrganization(
            organization_id=self._organization_id, name="Demo", slug=slug, plan="team", at=self._at, by=DEMO
        )
        await self._run(ORGANIZATION, self._organization_id, organization)

    async def _add_owner(self) -> None:
        owner_id = self._plan.owner_id

        def owner(counts: MemberCounts) -> AddMember:
            return AddMember(owner_id, self._organization_id, "owner", self._at, counts)

        address = member_list.user_put(owner_id, self._organization_id, OWNER_EMAIL)
        await self._run(MEMBER, owner_id, owner, members_guard(self._organization_id, PLANS), [address])

    async def _register_mcp(self, url: str, problem: str | None) -> None:
        def command(counts: McpCounts) -> RegisterMcp:
            return RegisterMcp(
                mcp_id=self._plan.mcp_id,
                organization_id=self._organization_id,
                name=_MCP_NAME,
                endpoint_url=url,
                environment="live",
                auth_type="none",
                at=self._at,
                by=UserActor(self._plan.owner_id),
                counts=counts,
                endpoint_problem=problem,
            )

        await self._run(MCP, self._plan.mcp_id, command, mcps_guard(self._organization_id, PLANS))

    async def _create_key(self, planned: PlannedKey, name: str, permissions: Permissions) -> None:
        def command(counts: KeyCounts) -> CreateKey:
            return CreateKey(
                key_id=planned.key_id,
                organization_id=self._organization_id,
                name=name,
                environment="live",
                permissions=permissions,
                secret=fingerprint(planned.secret),
                at=self._at,
                by=UserActor(self._plan.owner_id),
                authority=UNRESTRICTED,
                counts=counts,
                known_mcps={self._plan.mcp_id: "live"},
            )

        await self._run(KEY, planned.key_id, command, keys_guard(self._organization_id, PLANS))

    async def _run(
        self,
        decider: Decider[S, C, E],
        stream_id: str,
        command: C | Callable[[F], C],
        guard: Lock[F] | None = None,
        extra_statements: Sequence[Statement] = (),
    ) -> None:
        await commands_on(self._pool).run(
            decider,
            stream_id,
            self._organization_id,
            command,
            origin=Origin(UserActor(self._plan.owner_id)),
            at=self._at,
            guard=guard,
            extra_statements=extra_statements,
        )
