"""`python -m benchmarks.verification_plans`: how PostgreSQL executes the statements of a verification.

Prints the generic plan of each statement with its measured times, as the connection of group commit executes it: the
look-ups of keys, billed uses and MCP servers, and the append of a batch, which is rolled back. Fails if a plan reads a
whole table.
"""

import argparse
import asyncio
import os
import platform
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from benchmarks.many_keys import fill
from benchmarks.seeding import create_organization
from domain.usage.events import KeyUsed
from domain.usage.quota import month_of
from embedded.postgres import PostgreSQL
from eventstore.codec import encode
from eventstore.queries import SQL as LOG
from eventstore.usage_batch import Batch, append_once
from infrastructure.clock import new_event_ids, now
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, connect, open_pipeline, pool
from infrastructure.database.migrate import migrate
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import PreparedStatement, as_text
from projections.engine.schema import scripts
from projections.read_models.keys.state.queries import SQL as KEY_STATE
from projections.read_models.mcps.list.queries import SQL as MCPS
from projections.read_models.organizations.billed_usage.queries import SQL as BILLED_USAGE

_BATCH = 64
_OTHERS = 5_000
"""Organizations, each with an MCP server and billed uses: PostgreSQL scans a table of a few pages for a reason."""
_SCAN = re.compile(r"Seq Scan on (\w+)")
_FURTHER_ROWS = (
    b"""insert into organization_guard (organization_id, plan)
        select 'org_other_' || n, 'pro' from generate_series(1, %s) n""",
    b"""insert into mcp_list (mcp_id, organization_id, name, description, endpoint_url, environment, auth_type, status,
                              created_at, updated_at, revision)
        select 'mcp_other_' || n, 'org_other_' || n, 'Server', '', 'https://mcp.example/', 'live', 'none', 'active',
               now(), now(), 1
        from generate_series(1, %s) n""",
    b"""insert into billed_uses (organization_id, month, lane, uses)
        select 'org_other_' || n, date_trunc('month', now())::date, n %% 64, 1 from generate_series(1, %s) n""",
    b"""insert into used_secrets (key_id, organization_id, secret_version, used_at)
        select key_id, organization_id, 1, now() from key_secrets order by key_id limit %s""",
)
_SPREAD = (
    b"""update key_secrets set organization_id = 'org_other_' || 1 + abs(hashtext(key_id)::bigint) %% %s""",
    b"""update key_state set organization_id = 'org_other_' || 1 + abs(hashtext(key_id)::bigint) %% %s""",
)
"""Spread the keys over the organizations. The log then disagrees, but a batch reads only these tables."""


class _Found(NamedTuple):
    """A key of the batch."""

    digest: bytes
    key_id: str
    organization_id: str


class _Execution(NamedTuple):
    """A statement with its parameters as literals of SQL, of which `explain execute` takes no others."""

    name: str
    query: bytes
    literals: Sequence[str]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.verification_plans", description=__doc__)
    parser.add_argument("--keys", type=int, default=1_000_000, help="keys in the database (default 1000000)")
    options = parser.parse_args(arguments)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, fsync on", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name, PostgreSQL(Path(name) / "data") as server:
        asyncio.run(migrate(server.url, scripts()))
        print(f"seeding {options.keys:,} keys …", flush=True)
        executions = asyncio.run(_seeded(server.url, options.keys))
        plans = asyncio.run(_plans(server.url, executions))
    scanned = {name: tables for name, plan in plans.items() if (tables := _SCAN.findall(plan))}
    for name, plan in plans.items():
        print(f"\n{name}\n{plan}")
    for name, tables in scanned.items():
        print(f"\n{name} reads whole tables: {', '.join(tables)}", file=sys.stderr)
    return 1 if scanned else 0


async def _seeded(url: str, keys: int) -> list[_Execution]:
    """Fill the database, and return the statements for a batch of keys that are spread over all of them."""
    async with pool(url) as connections:
        organization_id = await create_organization(connections)
    async with await connect(url, role=None, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        await fill(connection, organization_id, keys, ["mcp_other_1"], now())
        for statement in (*_FURTHER_ROWS, *_SPREAD):
            await connection.execute(statement, (_OTHERS,))
        await connection.execute(b"vacuum (analyze)")
        # Digests are random, so the first ones are those of any keys.
        cursor = await connection.execute(
            b"select digest, key_id, organization_id from key_secrets order by digest limit %s", (_BATCH,)
        )
        found = [_Found(bytes(digest), key_id, owner) for digest, key_id, owner in await cursor.fetchall()]
    batch = _batch(found)
    await _append(url, batch)
    digests = _bytes_array([key.digest for key in found])
    mcps = [f"mcp_other_{number}" for number in range(1, _OTHERS, _OTHERS // _BATCH)]
    return [
        _Execution("keys_by_digests", KEY_STATE.by_digests, [digests]),
        _Execution("billed_usage", BILLED_USAGE.billed_usage, [f"'{month_of(batch.at)}'", digests]),
        _Execution("mcp_facts", MCPS.facts, [f"'{{{','.join(mcps)}}}'"]),
        _Execution(
            "usage_append",
            LOG.usage_append,
            [
                str(batch.lane),
                "'plans'",
                "2",
                str(len(batch.events)),
                f"'{batch.at.isoformat()}'",
                _bytes_array([encode(event) for event in batch.events]),
            ],
        ),
    ]


def _batch(keys: Sequence[_Found]) -> Batch:
    at = now()
    events = [
        KeyUsed(
            id=event_id,
            occurred_at=at,
            action="verify",
            code="valid",
            organization_id=key.organization_id,
            key_id=key.key_id,
            revision=1,
            secret_version=1,
            billed=True,
            ends_previous=True,
        )
        for event_id, key in zip(new_event_ids(len(keys), at), keys, strict=True)
    ]
    return Batch("plans", 1, at, events)


async def _append(url: str, batch: Batch) -> None:
    """Append a first batch, which creates the partition of the day."""
    async with await open_pipeline(url, timeouts=MAINTENANCE_TIMEOUTS) as pipeline:
        await append_once(pipeline, batch)


async def _plans(url: str, executions: Sequence[_Execution]) -> dict[str, str]:
    """Return the plan of the second execution of each statement by name. The first one reads the catalogs."""
    async with await open_pipeline(url, timeouts=MAINTENANCE_TIMEOUTS) as pipeline:
        return {each.name: [await _plan(pipeline, each) for _ in range(2)][1] for each in executions}


async def _plan(pipeline: Pipeline, execution: _Execution) -> str:
    statement = PreparedStatement.of(execution.name, execution.query)
    prepare = b"prepare %s as %s" % (statement.name, statement.query)
    explain = f"explain (analyze, buffers off) execute {execution.name} ({', '.join(execution.literals)})"
    await pipeline.execute(b"begin")
    await pipeline.execute(prepare.replace(b"%", b"%%"))
    explained = await pipeline.execute(explain.replace("%", "%%").encode())
    await pipeline.execute(b"rollback")
    await pipeline.execute(b"deallocate %s" % statement.name)
    return "\n".join([as_text(explained.get_value(row, 0)) for row in range(explained.ntuples)])


def _bytes_array(items: Sequence[bytes]) -> str:
    """Return the literal of a `bytea[]`."""
    return "'{" + ",".join([f'"\\\\x{item.hex()}"' for item in items]) + "}'"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
