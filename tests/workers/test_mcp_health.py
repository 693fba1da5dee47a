"""Health checks of active MCP servers: each at its interval, once, with an event for every change."""

import asyncio
import json
import signal
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from domain.mcps.commands import ChangeMcp
from domain.mcps.events import McpHealthChanged
from eventstore.check import check as check_log
from gateway.config import GatewayConfig
from gateway.gateway import Gateway
from gateway.health import probe
from gateway.mcp_target import load_target, store_credential
from gateway.upstream import Bearer
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from infrastructure.database.statements import Statement
from infrastructure.database.tenant import read_transaction
from infrastructure.egress_policy import EgressPolicy
from infrastructure.encryption import Sealer
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.read_models.mcps.health.queries import McpHealth, health_of, health_request_tools, tools_of
from projections.registry import INLINE_CHECKS
from tests import seed
from tests.gateway.conftest import LOOPBACK, StartServer, recorded_headers, start_server
from tests.gateway.raw_server import answer, http, raw_server
from tests.gateway.recording import DISCOVERED
from tests.workers.conftest import Start
from tests.workers.log_view import eventually, history, wait_for_an_expiry
from workers.jobs import check_mcp_health
from workers.jobs.check_mcp_health import CONCURRENT_MAX, check

__all__ = ["start_server"]

pytestmark = pytest.mark.anyio

KEY = bytes(32)
TOKEN = "upstream-" + "token"
MINUTE = timedelta(minutes=1)
CONFIG = Settings(master_keys=(KEY,), egress=LOOPBACK, mcp_health=5 * MINUTE)
UNREACHABLE = "http://127.0.0.1:9/mcp"


@pytest.fixture
async def organization_id(connections: Pool) -> str:
    return await seed.organization(connections)


async def health(pool: Pool, organization_id: str, mcp_id: str) -> McpHealth:
    async with read_transaction(pool, organization_id) as connection:
        return (await health_of(connection, [mcp_id]))[mcp_id]


async def due_in(pool: Pool, mcp_id: str) -> timedelta | None:
    async with pool.connection() as connection:
        cursor = await connection.execute(b"select due_at from mcp_health where mcp_id = %s", (mcp_id,))
        row = await cursor.fetchone()
    assert row is not None
    return None if row[0] is None else row[0] - now()


async def advance(pool: Pool, passed: timedelta) -> None:
    async with pool.connection() as connection:
        await connection.execute(
            b"update mcp_health set checked_at = checked_at - $1, failing_since = failing_since - $1,"
            b" due_at = due_at - $1".replace(b"$1", b"%(passed)s::interval"),
            {"passed": passed},
        )


async def changes_of(pool: Pool, organization_id: str, mcp_id: str) -> list[tuple[str, str | None]]:
    recorded = await history(pool, organization_id, mcp_id)
    changes = [each.event for each in recorded if isinstance(each.event, McpHealthChanged)]
    return [(change.health, change.reason) for change in changes]


def checks(record: Path) -> int:
    """Return the number of tool list requests in the server's record."""
    return sum(headers.get("mcp-method") == "tools/list" for headers in recorded_headers(record))


def sealed(organization_id: str, mcp_id: str) -> list[Statement]:
    return store_credential(Sealer([KEY]), Bearer(TOKEN), mcp_id, organization_id)


async def test_a_responding_server_is_healthy_and_checked_again_after_the_interval(
    connections: Pool, organization_id: str, start_server: StartServer
) -> None:
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=start_server().url)
    assert await health(connections, organization_id, mcp_id) == McpHealth("unknown", None)
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"
    async with read_transaction(connections, organization_id) as connection:
        assert len(json.loads(await tools_of(connection, mcp_id))) == 4
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert 4 * MINUTE < due <= 6 * MINUTE
    assert await changes_of(connections, organization_id, mcp_id) == []


async def test_retry_after_of_a_server_is_respected_and_does_not_delay_others(
    connections: Pool, organization_id: str
) -> None:
    async def refuse(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(http(429, Retry_After=retry_after))

    async with raw_server(refuse) as url:
        retry_after = "1800"
        refused_for_long = await seed.mcp(connections, organization_id, endpoint_url=url)
        await check(connections, CONFIG)
        retry_after = "1"
        same_address, same_organization = [
            await seed.mcp(connections, await seed.organization(connections), endpoint_url=url),
            await seed.mcp(connections, organization_id, endpoint_url=UNREACHABLE),
        ]
        await check(connections, CONFIG)
    due = await due_in(connections, refused_for_long)
    assert due is not None
    assert 29 * MINUTE < due <= 30 * MINUTE
    for mcp_id in (same_address, same_organization):
        due = await due_in(connections, mcp_id)
        assert due is not None
        assert due <= timedelta(seconds=15)


async def test_retry_after_of_a_tool_list_is_respected_and_the_server_is_healthy(
    connections: Pool, organization_id: str
) -> None:
    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        is_list = json.loads(body)["method"] == "tools/list"
        writer.write(http(429, Retry_After="1800") if is_list else http(200, answer(body, DISCOVERED)))

    async with raw_server(respond) as url:
        mcp_id = await seed.mcp(connections, organization_id, endpoint_url=url)
        await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert 29 * MINUTE < due <= 30 * MINUTE


async def test_a_server_that_moved_is_checked_immediately_despite_retry_after(
    connections: Pool, organization_id: str, start_server: StartServer
) -> None:
    async def refuse(_: str, __: dict[str, str], ___: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(http(503, Retry_After="1800"))

    async with raw_server(refuse) as url:
        mcp_id = await seed.mcp(connections, organization_id, endpoint_url=url)
        await check(connections, CONFIG)
    await seed.change_mcp(connections, organization_id, mcp_id, ChangeMcp(now(), endpoint_url=start_server().url))
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"


async def test_an_outage_and_a_recovery_are_two_events(
    connections: Pool, organization_id: str, start_server: StartServer
) -> None:
    server = start_server()
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=server.url)
    await check(connections, CONFIG)
    server.kill()
    await advance(connections, 7 * MINUTE)
    await check(connections, CONFIG)
    assert await changes_of(connections, organization_id, mcp_id) == []
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert due <= timedelta(seconds=15)  # checked again soon

    await advance(connections, timedelta(seconds=16))
    await check(connections, CONFIG)
    assert await changes_of(connections, organization_id, mcp_id) == [("unhealthy", "mcp_unreachable")]
    await advance(connections, 7 * MINUTE)
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "unhealthy"
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert due > 4 * MINUTE

    server.restart()
    await advance(connections, 7 * MINUTE)
    await check(connections, CONFIG)
    assert await changes_of(connections, organization_id, mcp_id) == [
        ("unhealthy", "mcp_unreachable"),
        ("healthy", None),
    ]
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        assert (await check_log(connection, INLINE_CHECKS)).ok


async def test_a_silent_server_does_not_delay_the_checks_of_others(
    connections: Pool, organization_id: str, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.health.PROBE_SECONDS", 3.0)
    frozen, working = start_server(), start_server()
    frozen.process.send_signal(signal.SIGSTOP)
    silent = [await seed.mcp(connections, organization_id, endpoint_url=frozen.url) for _ in range(15)]
    answering = await seed.mcp(connections, organization_id, endpoint_url=working.url)
    started = time.monotonic()
    await check(connections, CONFIG)
    assert time.monotonic() - started < 3 * len(silent) - 10  # checked concurrently
    assert (await health(connections, organization_id, answering)).health == "healthy"
    await advance(connections, timedelta(seconds=16))
    await check(connections, CONFIG)
    for mcp_id in silent:
        assert await changes_of(connections, organization_id, mcp_id) == [("unhealthy", "mcp_timeout")]
    frozen.process.send_signal(signal.SIGCONT)


async def test_a_server_that_responded_to_a_recent_call_is_not_checked(
    connections: Pool, organization_id: str, start_server: StartServer, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=start_server("--record", str(record)).url)
    await check(connections, CONFIG)
    assert checks(record) == 1
    async with connections.connection() as connection:  # simulate a call that succeeded two minutes ago
        await connection.execute(
            b"update mcp_health set due_at = %s, checked_at = %s where mcp_id = %s",
            (now(), now() - 2 * MINUTE, mcp_id),
        )
    await check(connections, CONFIG)
    assert checks(record) == 1
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert 2 * MINUTE < due <= 4 * MINUTE
    await advance(connections, 7 * MINUTE)
    await check(connections, CONFIG)
    assert checks(record) == 2


async def test_a_busy_server_without_stored_tools_is_checked(
    connections: Pool, organization_id: str, start_server: StartServer, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=start_server("--record", str(record)).url)
    async with connections.connection() as connection:  # simulate a call that succeeded before the first check
        await connection.execute(b"update mcp_health set checked_at = %s where mcp_id = %s", (now(), mcp_id))
    await check(connections, CONFIG)
    assert checks(record) == 1
    async with connections.connection() as connection:
        assert len(json.loads(await tools_of(connection, mcp_id))) == 4
        await connection.execute(*health_request_tools(mcp_id, now()))
    await check(connections, CONFIG)
    assert checks(record) == 2


async def test_concurrent_workers_check_each_server_once(
    connections: Pool, organization_id: str, start_server: StartServer, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    server = start_server("--record", str(record))
    mcps = 2 * CONCURRENT_MAX + 5
    for _ in range(mcps):
        await seed.mcp(connections, organization_id, endpoint_url=server.url)

    async def all_were_checked() -> bool:
        await check(connections, CONFIG)
        return checks(record) >= mcps

    async with anyio.create_task_group() as tasks:
        for _ in range(2):
            tasks.start_soon(eventually, all_were_checked, 60)
    assert checks(record) == mcps


async def test_an_inactive_mcp_is_not_checked(connections: Pool, organization_id: str) -> None:
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=UNREACHABLE)
    await seed.change_mcp(connections, organization_id, mcp_id, ChangeMcp(now(), status="inactive"))
    assert await due_in(connections, mcp_id) is None
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).checked_at is None
    await seed.change_mcp(connections, organization_id, mcp_id, ChangeMcp(now(), status="active"))
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).checked_at is not None


async def test_a_service_that_is_no_mcp_server_is_not_checked(connections: Pool, organization_id: str) -> None:
    """Neither on schedule nor by a test that a person requests."""
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=UNREACHABLE, health_checks=False)
    assert await due_in(connections, mcp_id) is None
    await check(connections, CONFIG)
    async with Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        target = await load_target(connections, None, mcp_id, organization_id)
        assert not (await probe(commands_on(connections), gateway, target, conclusive=True)).reachable
    assert await health(connections, organization_id, mcp_id) == McpHealth("unknown", None)
    await seed.change_mcp(connections, organization_id, mcp_id, ChangeMcp(now(), health_checks=True))
    for _ in range(2):
        await check(connections, CONFIG)
        await advance(connections, MINUTE)
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "unhealthy"
    await seed.change_mcp(connections, organization_id, mcp_id, ChangeMcp(now(), health_checks=False))
    assert await health(connections, organization_id, mcp_id) == McpHealth("unknown", None)
    assert await due_in(connections, mcp_id) is None
    async with connections.connection() as connection:
        await connection.execute(b"set role none")
        assert (await check_log(connection, INLINE_CHECKS)).violations == []


async def test_no_server_is_checked_if_the_interval_is_0(connections: Pool, organization_id: str) -> None:
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=UNREACHABLE)
    await check(connections, Settings(egress=LOOPBACK, mcp_health=None))
    assert (await health(connections, organization_id, mcp_id)).checked_at is None
    due = await due_in(connections, mcp_id)
    assert due is not None
    assert due < timedelta(0)


async def test_servers_are_checked_with_their_credential(
    connections: Pool, organization_id: str, start_server: StartServer
) -> None:
    server = start_server("--require-bearer", TOKEN)
    mcp_id = new_id("mcp")
    fields: dict[str, Any] = {"mcp_id": mcp_id, "endpoint_url": server.url, "auth_type": "bearer"}
    await seed.mcp(connections, organization_id, also=sealed(organization_id, mcp_id), **fields)
    without = await seed.mcp(connections, organization_id, endpoint_url=server.url)
    await check(connections, CONFIG)
    await advance(connections, timedelta(seconds=16))
    await check(connections, CONFIG)
    assert (await health(connections, organization_id, mcp_id)).health == "healthy"
    assert await changes_of(connections, organization_id, without) == [("unhealthy", "mcp_error")]


async def test_without_the_master_key_credentials_stay_sealed_and_one_line_is_logged(
    connections: Pool, organization_id: str, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_mcp_health, "_news", check_mcp_health.LogThrottle())
    url = start_server().url
    closed = [new_id("mcp"), new_id("mcp")]
    for mcp_id in closed:
        also = sealed(organization_id, mcp_id)
        await seed.mcp(connections, organization_id, also, mcp_id=mcp_id, endpoint_url=url, auth_type="bearer")
    opened = await seed.mcp(connections, organization_id, endpoint_url=url)
    with capture_logs() as lines:
        await check(connections, Settings(egress=LOOPBACK, mcp_health=5 * MINUTE))
    (line,) = [line for line in lines if line["log_level"] != "info"]
    assert (line["event"], line["needed"]) == ("mcp_credential_decryption_failed", "KEYLEDGER_MASTER_KEY")
    assert (await health(connections, organization_id, opened)).health == "healthy"
    for mcp_id in closed:
        assert await health(connections, organization_id, mcp_id) == McpHealth("unknown", None)


async def test_a_check_respects_the_egress_policy(
    connections: Pool, organization_id: str, start_server: StartServer, tmp_path: Path
) -> None:
    record = tmp_path / "record"
    mcp_id = await seed.mcp(connections, organization_id, endpoint_url=start_server("--record", str(record)).url)
    public = Settings(egress=EgressPolicy(), mcp_health=5 * MINUTE)
    await check(connections, public)
    await advance(connections, timedelta(seconds=16))
    await check(connections, public)
    assert await changes_of(connections, organization_id, mcp_id) == [("unhealthy", "mcp_unreachable")]
    assert not record.exists()


async def test_keys_expire_while_a_check_waits_for_a_server(
    connections: Pool,
    organization_id: str,
    start_server: StartServer,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Run one worker, as processes."""
    monkeypatch.setenv("KEYLEDGER_EGRESS_ALLOW", "127.0.0.0/8")
    frozen, working = start_server(), start_server()
    frozen.process.send_signal(signal.SIGSTOP)
    silent = await seed.mcp(connections, organization_id, endpoint_url=frozen.url)
    answering = await seed.mcp(connections, organization_id, endpoint_url=working.url)
    start("run", workers=1)
    start("schedule")

    async def check_waits() -> bool:
        return (await health(connections, organization_id, answering)).health == "healthy"

    await eventually(check_waits, 60)
    await wait_for_an_expiry(connections, organization_id)

    async def check_failed() -> bool:
        return (await health(connections, organization_id, silent)).checked_at is not None

    await eventually(check_failed, 60)
    frozen.process.send_signal(signal.SIGCONT)
