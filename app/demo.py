"""A first organization to try everything with: its owner, an MCP, a management key and a key that may call the MCP."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from app.config import Config
from domain.actor import SystemActor, UserActor
from domain.decider import Decider
from domain.grants import GRANTS
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.permissions import Permissions
from domain.keys.reach import UNBOUNDED
from domain.keys.secret import ENTROPY_BYTES, Secret, mint, record
from domain.mcps.commands import RegisterMcp
from domain.mcps.decider import MCP
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.organizations.commands import CreateOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.plan import PLANS, KeyCensus, McpCensus, MemberCensus
from eventstore.clock import new_event_id, new_id, now
from eventstore.database import Pool, pool
from eventstore.execute import Guard, Write, execute, no_guard
from eventstore.recorded import Origin
from eventstore.statements import Statement
from gateway.endpoint import check_endpoint_url
from projections.inline import INLINE
from projections.member_list.queries import user_put
from projections.organization_guard.queries import keys_guard, mcps_guard, members_guard

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")

_OWNER_EMAIL = "owner@demo.example"


async def make_demo(config: Config, folder: Path, mcp_url: str) -> None:
    """Make the demo organization and write `demo.env` into `folder`, readable by its owner alone."""
    async with pool(config.database_url) as connections:
        demo = _Demo(connections)
        await demo.found()
        mcp_id = await demo.register_mcp(mcp_url, check_endpoint_url(mcp_url, config.egress))
        admin = await demo.create_key("Demo management key", Permissions(mcps="*", manage=GRANTS), mcp_id)
        caller = await demo.create_key("Demo key", Permissions(mcps=(mcp_id,)), mcp_id)
    lines = {
        "KEYLEDGER_URL": config.public_url,
        "KEYLEDGER_ADMIN_KEY": admin.reveal(),
        "PLEXMCP_API_KEY": caller.reveal(),
        "DEMO_MCP_ID": mcp_id,
    }
    _write_private(folder / "demo.env", "".join(f"{name}={value}\n" for name, value in lines.items()))


class _Demo:
    def __init__(self, connections: Pool) -> None:
        self._pool = connections
        self._organization_id = new_id("org")
        self._owner_id = new_id("user")
        self._at = now()

    async def found(self) -> None:
        """The organization, and the person who owns it."""
        organization = CreateOrganization(
            organization_id=self._organization_id,
            name="Demo",
            slug="demo",
            plan="team",
            at=self._at,
            by=SystemActor("demo"),
        )
        await self._write(ORGANIZATION, self._organization_id, lambda _: organization, no_guard())

        def owner(census: MemberCensus) -> AddMember:
            return AddMember(self._owner_id, self._organization_id, "owner", self._at, census)

        guard = members_guard(self._organization_id, PLANS)
        await self._write(
            MEMBER, self._owner_id, owner, guard, [user_put(self._owner_id, self._organization_id, _OWNER_EMAIL)]
        )

    async def register_mcp(self, url: str, problem: str | None) -> str:
        mcp_id = new_id("mcp")

        def command(census: McpCensus) -> RegisterMcp:
            return RegisterMcp(
                mcp_id=mcp_id,
                organization_id=self._organization_id,
                name="Demo MCP server",
                endpoint_url=url,
                environment="live",
                auth_type="none",
                at=self._at,
                by=UserActor(self._owner_id),
                census=census,
                endpoint_problem=problem,
            )

        await self._write(MCP, mcp_id, command, mcps_guard(self._organization_id, PLANS))
        return mcp_id

    async def create_key(self, name: str, permissions: Permissions, mcp_id: str) -> Secret:
        key_id = new_id("key")
        secret = mint("live", os.urandom(ENTROPY_BYTES))

        def command(census: KeyCensus) -> CreateKey:
            return CreateKey(
                key_id=key_id,
                organization_id=self._organization_id,
                name=name,
                environment="live",
                permissions=permissions,
                secret=record(secret),
                at=self._at,
                by=UserActor(self._owner_id),
                authority=UNBOUNDED,
                census=census,
                known_mcps={mcp_id: "live"},
            )

        await self._write(KEY, key_id, command, keys_guard(self._organization_id, PLANS))
        return secret

    async def _write(
        self,
        decider: Decider[S, C, E],
        stream_id: str,
        command: Callable[[F], C],
        guard: Guard[F],
        also: Sequence[Statement] = (),
    ) -> None:
        write = Write(
            decider=decider,
            stream_id=stream_id,
            organization_id=self._organization_id,
            command=command,
            guard=guard,
            at=self._at,
            origin=Origin(actor=UserActor(self._owner_id)),
            new_event_id=new_event_id,
            also=lambda _: also,
        )
        await execute(self._pool, write, INLINE)


def _write_private(path: Path, text: str) -> None:
    """Complete or not at all, and never readable by others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)
