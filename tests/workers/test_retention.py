"""Uses beyond every plan's retention are exported and removed, despite killed and concurrent workers."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from freezegun import freeze_time

from eventstore.check import check
from eventstore.retention import AlreadyRunning, NotRemovable, claim, days, removal
from eventstore.usage_export import CorruptExport, read, verified
from infrastructure.clock import correct_by
from infrastructure.database.connections import WORKER_ROLE, Connection, Pool, connect
from projections.engine.runner import run_projection
from projections.registry import REBUILDABLE, USAGE_CHECKS, USAGE_PROJECTIONS
from tests.programs import run_program
from tests.projections.usage.uses import append, used
from tests.workers.killed_at_steps import StepProxy, killed_at, step_proxy
from workers.retention import RemovedDay, Retention, preview, remove_expired

pytestmark = pytest.mark.anyio

FIRST = datetime(2026, 1, 30, 12, tzinfo=UTC)
DAYS = [date(2026, 1, 30), date(2026, 1, 31), date(2026, 2, 1)]
AT = datetime(2026, 5, 2, 12, tzinfo=UTC)
PLANS = json.dumps({name: {"usage_days": 90} for name in ("free", "pro", "team", "enterprise")})


@pytest.fixture
async def log(connections: Pool, database_url: str) -> AsyncIterator[Connection]:
    """Three days of uses that every read model has applied."""
    async with await connect(database_url, role=WORKER_ROLE) as connection:
        for number in range(len(DAYS)):
            for producer in ("p", "q"):
                at = FIRST + timedelta(days=number)
                await append(connection, producer, at, [used("key_a", at), used("key_b", at, billed=True)])
        for follower in USAGE_PROJECTIONS:
            assert (await run_projection(connection, follower, 30)).stopped == {}
        yield connection


async def violations(url: str) -> list[str]:
    async with await connect(url, role=None) as owner:
        return (await check(owner, (), USAGE_CHECKS)).violations


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def bodies(connection: Connection, day: date) -> list[bytes]:
    cursor = await connection.execute(
        b"select body from usage_events where (occurred_at at time zone 'UTC')::date = %s"
        b" order by lane, batch_no, ordinal",
        (day,),
    )
    return [bytes(row[0]) for row in await cursor.fetchall()]


async def test_expired_days_are_exported_unchanged_and_removed(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    held = {day: await bodies(log, day) for day in DAYS}
    gone = await remove_expired(database_url, Retention(90, tmp_path), lambda: AT)
    assert gone == [RemovedDay(day, 4, tmp_path / f"usage-{day}.jsonl.gz") for day in DAYS[:2]]
    for day, events, path in gone:
        assert path is not None
        assert [bytes(line.event) for line in read(path)] == held[day]
        written = await removal(log, day)
        assert written is not None
        manifest = verified(path)
        assert (written.events, written.export_sha256, list(written.lanes)) == (events, manifest.sha256, manifest.lanes)
        assert path.stat().st_mode & 0o077 == 0
    assert await days(log) == DAYS[2:]
    assert await violations(database_url) == []
    assert await remove_expired(database_url, Retention(90, tmp_path), lambda: AT) == []


async def test_without_an_export_folder_uses_are_removed_only_if_discarding_is_enabled(
    log: Connection, database_url: str
) -> None:
    assert await remove_expired(database_url, Retention(90), lambda: AT) == []
    assert await remove_expired(database_url, Retention(None, discard=True), lambda: AT) == []
    assert await days(log) == DAYS
    gone = await remove_expired(database_url, Retention(90, discard=True), lambda: AT)
    assert gone == [RemovedDay(day, 4, None) for day in DAYS[:2]]
    assert await violations(database_url) == []


async def test_of_concurrent_runs_one_removes_and_the_others_stop(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    retention = Retention(90, tmp_path)
    outcomes = await asyncio.gather(
        *[remove_expired(database_url, retention, lambda: AT) for _ in range(4)], return_exceptions=True
    )
    assert all(isinstance(outcome, list | AlreadyRunning) for outcome in outcomes), outcomes
    assert sum(len(outcome) for outcome in outcomes if isinstance(outcome, list)) == 2
    async with await connect(database_url, role=WORKER_ROLE) as other:
        await claim(other)
        with pytest.raises(AlreadyRunning):
            await remove_expired(database_url, retention, lambda: AT)
    assert await violations(database_url) == []


async def test_a_removal_killed_at_any_step_is_completed_by_the_next_run(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    settings = {"REDIS_URL": "unix:///nowhere", "KEYLEDGER_PLANS": PLANS, "KEYLEDGER_USAGE_EXPORT_DIR": str(tmp_path)}
    step = 0
    async with step_proxy(database_url) as proxy:
        while await _killed(proxy, step := step + 1, settings):
            for day in DAYS:
                written = await removal(log, day)
                assert len(await bodies(log, day)) == (0 if written else 4)
                if written:
                    assert verified(tmp_path / str(written.export)).sha256 == written.export_sha256
            assert await violations(database_url) == []
            assert step < 100
    assert step > 5
    assert await days(log) == []
    assert names(tmp_path) == sorted(f"usage-{day}.{end}" for day in DAYS for end in ("jsonl.gz", "manifest.json"))
    assert sum(verified(tmp_path / f"usage-{day}.jsonl.gz").events for day in DAYS) == 12


async def _killed(proxy: StepProxy, step: int, settings: dict[str, str]) -> bool:
    return await killed_at(proxy, step, "apply_retention", settings)


async def test_an_export_that_differs_from_the_log_is_replaced(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    await remove_expired(database_url, Retention(91, tmp_path), lambda: AT)
    file = tmp_path / f"usage-{DAYS[0]}.jsonl.gz"
    for suffix in ("jsonl.gz", "manifest.json"):
        (tmp_path / f"usage-{DAYS[1]}.{suffix}").write_bytes((tmp_path / f"usage-{DAYS[0]}.{suffix}").read_bytes())
    (tmp_path / "usage-2026-01-31.jsonl.gz.part").write_bytes(b"half of it")
    assert len(await remove_expired(database_url, Retention(90, tmp_path), lambda: AT)) == 1
    assert verified(tmp_path / f"usage-{DAYS[1]}.jsonl.gz").day == DAYS[1]
    assert verified(file).day == DAYS[0]
    assert len(names(tmp_path)) == 4


async def test_nothing_is_removed_if_the_export_folder_is_not_writable(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="file"):
        await remove_expired(database_url, Retention(90, tmp_path / "file"), lambda: AT)
    assert await days(log) == DAYS


async def test_a_day_that_cannot_be_removed_blocks_the_later_days(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    await append(log, "p", FIRST, [used("key_c", FIRST)])
    with pytest.raises(NotRemovable, match="has not applied lane"):
        await remove_expired(database_url, Retention(90, tmp_path), lambda: AT)
    assert await days(log) == DAYS


async def test_the_command_previews_a_removal_and_its_exports_can_be_verified(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    environment = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0", "KEYLEDGER_PLANS": PLANS}
    exporting = {**environment, "KEYLEDGER_USAGE_EXPORT_DIR": str(tmp_path)}

    def command(env: dict[str, str], *words: str) -> tuple[int, list[str]]:
        done = run_program(*words, environment=env)
        return done.returncode, [line for line in done.stdout.splitlines() if line]

    code, lines = await asyncio.to_thread(command, environment, "workers", "retention", "--dry-run")
    assert (code, lines[0], lines[-1]) == (0, "uses are kept for 90 days", "3 days, 12 uses; nothing was changed")
    assert lines[1].startswith("nothing leaves: KEYLEDGER_USAGE_EXPORT_DIR is not set")
    assert await days(log) == DAYS
    code, lines = await asyncio.to_thread(command, exporting, "workers", "retention", "--dry-run", "--json")
    assert (code, json.loads("\n".join(lines))) == (
        0,
        {
            "usage_days": 90,
            "nothing_leaves_because": None,
            "dry_run": True,
            "days": [{"day": day.isoformat(), "uses": 4, "export": None} for day in DAYS],
        },
    )
    code, lines = await asyncio.to_thread(command, exporting, "workers", "retention")
    assert (code, lines) == (2, []), "without a terminal, it needs --yes"
    assert await days(log) == DAYS
    code, lines = await asyncio.to_thread(command, exporting, "workers", "retention", "--yes")
    assert (code, lines[-1]) == (0, "3 days, 12 uses left")
    file = tmp_path / "usage-2026-01-30.jsonl.gz"
    code, lines = await asyncio.to_thread(command, environment, "eventstore", "read-export", str(file))
    assert (code, lines) == (
        0,
        ["sound: 4 uses of 2026-01-30 in 2 batches of 2 lanes", "these uses were removed from the log"],
    )
    code, lines = await asyncio.to_thread(command, environment, "eventstore", "read-export", str(file), "--json")
    assert (code, json.loads("\n".join(lines))) == (
        0,
        {
            "ok": True,
            "violations": [],
            "day": "2026-01-30",
            "uses": 4,
            "batches": 2,
            "lanes": 2,
            "compared_with_log": True,
        },
    )
    _corrupt(file)
    code, lines = await asyncio.to_thread(command, environment, "eventstore", "read-export", str(file))
    assert (code, lines[0].startswith("VIOLATION usage-2026-01-30.jsonl.gz: its SHA-256 is")) == (1, True)


async def test_the_preview_uses_the_clock_of_the_database(log: Connection, database_url: str, tmp_path: Path) -> None:
    try:
        with freeze_time(FIRST + timedelta(days=30), real_asyncio=True):
            previewed = await preview(database_url, Retention(90, tmp_path))
    finally:
        correct_by(timedelta(0))
    assert [day.day for day in previewed] == DAYS == await days(log)


async def test_verify_reports_read_models_that_cannot_be_derived_and_continues(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    await remove_expired(database_url, Retention(90, tmp_path), lambda: AT)

    def verify(*names: str) -> tuple[int, list[str], list[str]]:
        done = run_program("projections", "verify", *names, environment={"DATABASE_URL": database_url})
        return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()

    code, lines, errors = await asyncio.to_thread(verify)
    assert (code, len(lines)) == (0, len(REBUILDABLE)), errors
    gone = "cannot be derived again: 8 uses from 2026-01-30 to 2026-01-31 were removed from the log."
    not_verified = [line for line in lines if line.startswith("NOT VERIFIED: ")]
    reported = {line.removeprefix("NOT VERIFIED: ").partition(".")[0] + "." for line in not_verified}
    assert reported == {f"{each.name} {gone}" for each in USAGE_PROJECTIONS}
    assert len(not_verified) == len(USAGE_PROJECTIONS)
    assert all(line.endswith("as they follow from the log") for line in lines if line not in not_verified)
    code, lines, errors = await asyncio.to_thread(verify, "usage")
    assert (code, lines) == (1, [])
    assert errors[-1].startswith(f"usage {gone}")


def _corrupt(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))


async def test_readers_see_a_day_whole_or_not_at_all_during_its_removal(
    log: Connection, database_url: str, tmp_path: Path
) -> None:
    stop = asyncio.Event()

    async def read_repeatedly() -> set[int]:
        seen: set[int] = set()
        async with await connect(database_url, role=WORKER_ROLE) as reader:
            while not stop.is_set():
                cursor = await reader.execute(b"select count(*) from usage_events")
                seen |= {row[0] for row in await cursor.fetchall()}
        return seen

    reading = asyncio.create_task(read_repeatedly())
    while await days(log) != DAYS[2:]:
        try:
            await remove_expired(database_url, Retention(90, tmp_path), lambda: AT)
        except NotRemovable:
            await asyncio.sleep(0)
    stop.set()
    assert await reading <= {12, 8, 4}


def test_missing_and_corrupt_exports_are_detected(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verified(tmp_path / "usage-2026-01-30.jsonl.gz")
    (tmp_path / "usage-2026-01-30.jsonl.gz").write_bytes(b"no gzip")
    with pytest.raises(CorruptExport):
        list(read(tmp_path / "usage-2026-01-30.jsonl.gz"))
