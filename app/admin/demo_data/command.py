"""The command that creates the demo data: its checks, its progress and its report."""

import asyncio
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from app.admin.demo import has_other_organizations
from app.admin.demo_data.create import DemoData, create_demo_data
from app.admin.links import sign_in_link
from app.observability.health.worker_status import ValkeyUnavailable, jobs_state
from infrastructure import cli
from infrastructure.clock import now
from infrastructure.database.clock import read_clock
from infrastructure.database.connections import WORKER_ROLE, connect, pool
from infrastructure.settings import Settings


class Made(NamedTuple):
    """The figures and a sign-in link for the owner. Both are None if the organization existed already."""

    data: DemoData | None
    link: str | None


def create(
    config: Settings,
    *,
    slug: str,
    seed: int,
    until: datetime | None,
    mcp_url: str | None,
    yes: bool,
    stop: Callable[[], None] = lambda: None,
    may_have_workers: bool = True,
) -> Made:
    """Create the demo data unless it exists. Raise `NotPossible` while workers run or without a master key.

    `until` is in UTC. `stop` raises an error when the run has to end early. `may_have_workers`: whether other processes
    may have started workers.
    """
    if not config.master_keys:
        raise cli.NotPossible("KEYLEDGER_MASTER_KEY is not set. It encrypts the secrets of the webhooks.")
    ends_at = None if until is None else until.replace(tzinfo=UTC)
    if ends_at is not None and ends_at > now():
        raise cli.NotPossible("--until is in the future. A history ends in the past.")
    if may_have_workers and asyncio.run(_workers(config)):
        raise cli.NotPossible("Workers are running. Stop them, repeat the command, and start them again.")
    if not yes and asyncio.run(has_other_organizations(config)):
        cli.confirm("This adds a demo organization permanently to a database with other organizations.", yes=yes)
    with cli.progress("creating the demo data", "changes and uses") as show:

        def progress(done: int, of: int) -> None:
            stop()
            show(done, of)

        return asyncio.run(_create(config, slug, seed, ends_at, mcp_url, progress))


def lines_of(made: Made, slug: str, public_url: str) -> Iterator[str]:
    """Yield the report."""
    data = made.data
    if data is None:
        yield f"The demo organization {slug} exists already; nothing added."
        return
    yield f"Created {data.organization_id} ({data.slug}), with a month of history:"
    yield f"  {data.members} members, {data.mcps} MCP servers, {data.keys} keys"
    yield f"  {data.uses:,} uses, {data.alerts} alerts"
    yield "  All read models are up to date. When workers run, they continue from here: they check the MCP servers,"
    yield "  retry the webhook that fails, and record expiries."
    yield f"Sign in as the owner, {data.owner_email}, within 15 minutes and once, with"
    yield f"  {made.link}"
    yield f"or later at {public_url}/sign-in"


async def _workers(config: Settings) -> int:
    """Return the number of running workers. Without Valkey, none can run."""
    try:
        return (await jobs_state(config.redis_url)).workers
    except ValkeyUnavailable:
        return 0


async def _create(
    config: Settings, slug: str, seed: int, ends_at: datetime | None, mcp_url: str | None, progress: cli.Progress
) -> Made:
    async with await connect(config.database_url, role=WORKER_ROLE) as connection:
        await read_clock(connection)
    data = await create_demo_data(config, seed=seed, ends_at=ends_at, slug=slug, mcp_url=mcp_url, progress=progress)
    if data is None:
        return Made(None, None)
    async with pool(config.database_url, role=WORKER_ROLE, size_max=1) as connections:
        return Made(data, await sign_in_link(connections, config, data.owner_email))
