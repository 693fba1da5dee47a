"""Counting rules for uses."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.usage.events import Action, Code
from infrastructure.clock import new_id
from infrastructure.database.connections import Connection
from projections.engine.runner import run_projection
from projections.read_models.usage.apply import UNLOOKED, USAGE
from projections.read_models.usage.queries import KeyUsage, secrets_last_used, usage_of
from tests.projections.usage.uses import append, completed, used

pytestmark = pytest.mark.anyio

AT = datetime(2026, 3, 4, 12, 30, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEY = new_id("key")
OTHER = new_id("key")


async def _usage(connection: Connection, key_id: str = KEY, at: datetime = AT) -> KeyUsage:
    await run_projection(connection, USAGE, 10)
    return (await usage_of(connection, [key_id], at))[key_id]


async def test_a_key_that_was_never_used_has_no_usage(connection: Connection) -> None:
    assert await usage_of(connection, [KEY], AT) == {KEY: KeyUsage(0, 0, 0, 0, None)}
    assert await secrets_last_used(connection, KEY) == {}


@pytest.mark.parametrize("action", ["verify", "check", "call"])
async def test_an_accepted_use_is_a_request(connection: Connection, action: Action) -> None:
    await append(connection, "p", AT, [used(KEY, AT, action=action)])
    assert await _usage(connection) == KeyUsage(1, 1, 1, 1, AT)


async def test_management_updates_last_used_and_is_not_a_request(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, action="manage")])
    assert await _usage(connection) == KeyUsage(0, 0, 0, 0, AT)


@pytest.mark.parametrize("code", ["expired_key", "revoked_key", "disabled_key", "ip_not_permitted", "not_found"])
async def test_a_denied_use_changes_nothing(connection: Connection, code: Code) -> None:
    await append(connection, "p", AT, [used(KEY, AT)])
    await append(connection, "p", AT + SECOND, [used(KEY, AT + SECOND, code=code, secret_version=2)])
    assert await _usage(connection) == KeyUsage(1, 1, 1, 1, AT)
    assert await secrets_last_used(connection, KEY) == {1: AT}


async def test_the_end_of_a_call_is_not_a_request(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT, action="call", mcp_id="mcp_a", tool="search")])
    await append(connection, "p", AT + SECOND, [completed(KEY, AT + SECOND)])
    assert await _usage(connection) == KeyUsage(1, 1, 1, 1, AT)


async def test_the_caller_of_a_verification_counts_as_used(connection: Connection) -> None:
    later = AT + SECOND
    await append(connection, "p", AT, [used(KEY, AT, caller_key_id=OTHER)])
    await append(connection, "p", later, [used(KEY, later, code="revoked_key", caller_key_id=OTHER)])
    assert await _usage(connection, KEY) == KeyUsage(1, 1, 1, 1, AT)
    assert await _usage(connection, OTHER) == KeyUsage(0, 0, 0, 0, later)
    assert await secrets_last_used(connection, OTHER) == {}


async def test_a_caller_without_an_organization_does_not_stop_the_lane(connection: Connection) -> None:
    """No code writes a use with a caller and without an organization; such a use does not count for the caller."""
    without_organization = used(None, AT, code="unauthorized", caller_key_id=KEY)
    await append(connection, "p", AT, [without_organization])
    assert await _usage(connection) == KeyUsage(0, 0, 0, 0, None)
    await append(connection, "p", AT, [used(None, AT, code="unauthorized", caller_key_id=KEY), used(KEY, AT)])
    assert await _usage(connection) == KeyUsage(1, 1, 1, 1, AT)
    cursor = await connection.execute(b"select key_id, organization_id from key_usage")
    assert await cursor.fetchall() == [(KEY, "org_a")]


async def test_each_secret_has_its_own_last_use(connection: Connection) -> None:
    for seconds, version in enumerate((1, 2, 1, 2)):
        at = AT + seconds * SECOND
        await append(connection, "p", at, [used(KEY, at, secret_version=version)])
    await run_projection(connection, USAGE, 10)
    assert await secrets_last_used(connection, KEY) == {1: AT + 2 * SECOND, 2: AT + 3 * SECOND}


async def test_a_late_batch_does_not_set_last_used_back(connection: Connection) -> None:
    await append(connection, "p", AT, [used(KEY, AT)])
    assert (await _usage(connection)).last_used == AT
    await append(connection, "q", AT - timedelta(days=40), [used(KEY, AT - timedelta(days=40))])
    assert await _usage(connection) == KeyUsage(2, 1, 1, 1, AT)


@pytest.mark.parametrize(
    ("days_ago", "expected"),
    [
        (0, (1, 1, 1, 1)),
        (1, (1, 0, 1, 1)),
        (2, (1, 0, 1, 1)),  # Monday
        (3, (1, 0, 0, 1)),  # Sunday; the last day of February is earlier
        (4, (1, 0, 0, 0)),
    ],
)
async def test_days_weeks_and_months_are_calendar_units(
    connection: Connection, days_ago: int, expected: tuple[int, int, int, int]
) -> None:
    wednesday = datetime(2026, 3, 4, 0, 0, tzinfo=UTC)
    at = wednesday - timedelta(days=days_ago)
    await append(connection, "p", at, [used(KEY, at)])
    usage = await _usage(connection, at=wednesday + timedelta(hours=23))
    assert (
        usage.total_requests, usage.requests_today, usage.requests_this_week, usage.requests_this_month
    ) == expected  # fmt: skip


async def test_a_week_can_start_in_the_previous_month(connection: Connection) -> None:
    at = datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)  # Tuesday
    await append(connection, "p", at, [used(KEY, at)])
    usage = await _usage(connection, at=at + SECOND)
    assert (usage.requests_today, usage.requests_this_week, usage.requests_this_month) == (0, 1, 0)


async def test_unauthenticated_callers_cannot_fill_the_table_with_names(connection: Connection) -> None:
    fabricated = [used(None, AT, code="unauthorized", mcp_id=f"mcp_{n}", tool=f"tool {n}") for n in range(50)]
    unknown = [used(KEY, AT, code="not_found", mcp_id=f"mcp_{n}", tool=f"tool {n}") for n in range(50)]
    await append(connection, "p", AT, [*fabricated, *unknown])
    await run_projection(connection, USAGE, 10)
    cursor = await connection.execute(
        b"select organization_id, key_id, mcp_id, tool, code, events from usage_counts order by code"
    )
    assert await cursor.fetchall() == [
        ("org_a", KEY, "", "", "not_found", 50),
        ("", "", "", "", "unauthorized", 50),
    ]


@pytest.mark.parametrize("code", UNLOOKED[1:])
async def test_callers_with_an_ended_key_cannot_fill_the_table_with_names(connection: Connection, code: Code) -> None:
    await append(
        connection, "p", AT, [used(KEY, AT, code=code, mcp_id=f"mcp_{n}", tool=f"tool {n}") for n in range(50)]
    )
    await run_projection(connection, USAGE, 10)
    for table in (b"usage_counts", b"usage_days", b"organization_usage_days"):
        cursor = await connection.execute(b"select count(*), max(mcp_id) from " + table)
        assert await cursor.fetchone() == (1, "")


async def test_names_of_any_length_can_be_counted(connection: Connection) -> None:
    long = "".join(chr(0x4E00 + n) for n in range(20_000))
    await append(connection, "p", AT, [used(KEY, AT, code="tool_not_permitted", mcp_id="mcp_a", tool=long)])
    assert (await run_projection(connection, USAGE, 10)).stopped == {}
