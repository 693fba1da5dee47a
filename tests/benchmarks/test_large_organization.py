"""The organization of `benchmarks.pages`: its log and its read models agree, so that a shortcut cannot go unnoticed."""

import asyncio
from pathlib import Path

from benchmarks.large_organization import prepared
from embedded.postgres import PostgreSQL
from eventstore.check import check
from infrastructure.database.connections import connect
from projections.registry import INLINE_CHECKS, USAGE_CHECKS


async def _problems(url: str) -> tuple[list[str], int]:
    async with await connect(url, role=None) as connection:
        report = await check(connection, INLINE_CHECKS, USAGE_CHECKS)
        cursor = await connection.execute(b"select coalesce(sum(size), 0)::int from usage_batches")
        (uses,) = await cursor.fetchone() or (0,)
    return [] if report.ok else list(report.lines), uses


def test_the_log_and_the_read_models_of_a_large_organization_agree(tmp_path: Path) -> None:
    made = prepared(tmp_path, keys=400, uses=5_000, members=5, mcps=4)
    assert (len(made.member_ids), len(made.mcp_ids), len(made.secrets)) == (5, 4, 400)
    assert prepared(tmp_path, keys=400, uses=5_000, members=5, mcps=4) == made, "the folder is used again"
    with PostgreSQL(tmp_path / "postgresql", durable=False) as server:
        problems, uses = asyncio.run(_problems(server.url))
    assert problems == []
    assert 3_000 < uses < 7_000, "the numbers of an hour depend on its time of day, and the last day has just begun"
