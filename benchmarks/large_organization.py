"""One organization of the size that the budget of the pages names, in a PostgreSQL cluster that can be used again.

The log and its read models agree, except for the last uses that `many_keys` invents. Deliveries of webhooks, the tools
of servers and their health are observed and not in the log, so they are inserted directly.
"""

import asyncio
import base64
import os
import sys
import time
from collections.abc import Awaitable
from pathlib import Path

import msgspec
from msgspec import Struct

from app.auth.sessions import SECRET_PREFIX, new_secret
from benchmarks.many_keys import People, fill
from benchmarks.many_uses import count_later_uses, count_uses, write_uses
from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from domain.members.events import Role
from embedded.postgres import PostgreSQL
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, connect, pool
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from tests import seed
from tests.app.people import start_session
from workers.raise_alert import raise_alert

_VERIFIED_KEYS = 2_000
_ALERTS = 200
_TOOLS = 20
_ROLES: tuple[Role, ...] = ("admin", "member", "member", "viewer", "auditor")
_PREPARED = "prepared.json"


class Prepared(Struct):
    """The parts of the organization that a run needs. `caller` verifies `secrets`; `cookie` is the owner's session."""

    organization_id: str
    master_key: str
    cookie: str
    caller: str
    secrets: list[str]
    mcp_ids: list[str]
    member_ids: list[str]
    alert_ids: list[str]
    keys: int
    uses: int


def prepared(folder: Path, keys: int, uses: int, members: int, mcps: int) -> Prepared:
    """Return the organization in `folder`. Create it if the folder has none of this size."""
    listed = folder / _PREPARED
    if listed.exists():
        found = msgspec.json.decode(listed.read_bytes(), type=Prepared)
        wanted = (keys, uses, members, mcps)
        if wanted != (found.keys, found.uses, len(found.member_ids), len(found.mcp_ids)):
            sys.exit(f"{folder} holds an organization of another size: name another folder")
        with PostgreSQL(folder / "postgresql", shared_buffers="1GB") as server:
            asyncio.run(_catch_up(server.url))
        return found
    # A power cut ruins the data in this phase, and `prepared.json` is written last.
    with PostgreSQL(folder / "postgresql", shared_buffers="1GB", durable=False) as server:
        made = asyncio.run(_create(server.url, keys, uses, members, mcps))
    listed.write_bytes(msgspec.json.encode(made))
    return made


async def _catch_up(url: str) -> None:
    """Migrate the schema, and count the uses of earlier runs, which had no workers."""
    await migrate(url, scripts())
    await count_later_uses(url)


async def _create(url: str, keys: int, uses: int, members: int, mcps: int) -> Prepared:
    await migrate(url, scripts())
    async with pool(url) as connections:
        organization_id = await seed.organization(connections, "enterprise")
        member_ids = await _members(connections, organization_id, members)
        mcp_ids = [await seed.mcp(connections, organization_id, name=f"Server {number:03d}") for number in range(mcps)]
        cookie = new_secret(SECRET_PREFIX)
        await start_session(connections, member_ids[0], organization_id, cookie)
    owner, occasional, *others = member_ids
    people = People(left=new_id("user"), occasional=occasional, owner=owner, others=tuple(others))
    async with await connect(url, role=None) as connection:
        await connection.execute(b"set statement_timeout = 0")
        await _timed(f"{keys:,} keys", fill(connection, organization_id, keys, mcp_ids, now(), people))
        await connection.execute(b"vacuum (analyze)")
    async with pool(url) as connections:
        manage = Permissions(mcps="*", manage=GRANTS)
        caller_id, caller = await seed.key(connections, organization_id, name="Verifier", permissions=manage)
        verified = [
            await seed.key(connections, organization_id, name=f"Verified {number}")
            for number in range(min(_VERIFIED_KEYS, keys))
        ]
    await _timed(f"{uses:,} uses", write_uses(url, organization_id, caller_id, mcp_ids, uses, now()))
    await _timed("their counts", count_uses(url))
    alert_ids = await _alerts(url, organization_id, [key_id for key_id, _ in verified])
    async with await connect(url, role=None) as connection:
        await connection.execute(b"set statement_timeout = 0")
        await _tools(connection)
        await _timed("vacuum", connection.execute(b"vacuum (analyze)"))
    return Prepared(
        organization_id=organization_id,
        master_key=base64.b64encode(os.urandom(32)).decode(),
        cookie=cookie,
        caller=caller.reveal(),
        secrets=[secret.reveal() for _, secret in verified],
        mcp_ids=mcp_ids,
        member_ids=member_ids,
        alert_ids=alert_ids,
        keys=keys,
        uses=uses,
    )


async def _members(connections: Pool, organization_id: str, members: int) -> list[str]:
    """Add the owner and members of the other roles, and return their ids, the owner's first."""
    roles: list[Role] = ["owner", *[_ROLES[number % len(_ROLES)] for number in range(members - 1)]]
    return [await seed.member(connections, organization_id, role) for role in roles]


async def _alerts(url: str, organization_id: str, key_ids: list[str]) -> list[str]:
    """Raise alerts about some of the keys, and return their ids."""
    alert_ids: list[str] = []
    async with pool(url, role=WORKER_ROLE) as connections:
        for key_id in key_ids[:_ALERTS]:
            numbers = {"rule": "denied", "denied": 1_204, "limit": 20, "minutes": 10, "at": now().isoformat()}
            alert = RaiseAlert(
                alert_id=new_id("alert"),
                organization_id=organization_id,
                alert_type="api_key.denied_burst",
                severity="warning",
                at=now(),
                key_id=key_id,
                numbers={**numbers, "most_frequent_reason": "ip_not_permitted"},
            )
            await raise_alert(connections, EXPIRY_ALERTS, alert)
            alert_ids.append(alert.alert_id)
    return alert_ids


async def _tools(connection: Connection) -> None:
    """Store what a check of each server finds: that it is healthy, and its tools."""
    tools = [
        {"name": f"tool_{number}", "description": "Does one thing.", "input_schema": {"type": "object"}}
        for number in range(_TOOLS)
    ]
    await connection.execute(
        b"update mcp_health set health = 'healthy', checked_at = now(), listed_at = now(), tools = %b",
        (msgspec.json.encode(tools),),
    )


async def _timed(what: str, work: Awaitable[object]) -> None:
    began = time.monotonic()
    await work
    print(f"  {what}: {time.monotonic() - began:.0f} s", flush=True)
