"""Migrations: each is applied once, however often and by however many processes `migrate` runs."""

import asyncio
from pathlib import Path

import pytest

from infrastructure.database.connections import connect
from infrastructure.database.migrate import EditedMigration, Script, migrate, missing
from projections.engine.schema import folder_scripts, scripts
from tests.eventstore.changes import rows

pytestmark = pytest.mark.anyio

NAMES = [script.name for script in scripts()]


async def test_a_new_database_gets_every_script_in_order_and_a_second_run_applies_none(empty_database_url: str) -> None:
    assert await migrate(empty_database_url, scripts()) == NAMES
    assert NAMES[:5] == sorted(NAMES[:5])
    assert await migrate(empty_database_url, scripts()) == []


async def test_each_script_is_applied_by_one_of_four_concurrent_runs(empty_database_url: str) -> None:
    applied = await asyncio.gather(*[migrate(empty_database_url, scripts()) for _ in range(4)])
    assert sorted(name for names in applied for name in names) == sorted(NAMES)
    async with await connect(empty_database_url, role=None) as connection:
        assert len(await rows(connection, "select 1 from lane_heads")) == 128


async def test_an_edited_script_is_refused_and_no_script_is_applied(empty_database_url: str) -> None:
    first, second = Script("0001_a", b"create table a (id int)"), Script("0002_b", b"create table b (id int)")
    await migrate(empty_database_url, [first])
    with pytest.raises(EditedMigration, match="0001_a has been edited"):
        await migrate(empty_database_url, [Script(first.name, b"create table a (id bigint)"), second])
    async with await connect(empty_database_url, role=None) as connection:
        assert await missing(connection, [first, second]) == ["0002_b"]


async def test_a_failed_script_leaves_nothing_and_can_be_fixed(empty_database_url: str) -> None:
    first = Script("0001_a", b"create table a (id int)")
    broken = Script("0002_b", b"create table b (id int); select 1 / 0")
    with pytest.raises(Exception, match="division by zero"):
        await migrate(empty_database_url, [first, broken])
    assert await migrate(empty_database_url, [first, Script("0002_b", b"create table b (id int)")]) == ["0002_b"]


async def test_missing_scripts_are_reported(empty_database_url: str) -> None:
    async with await connect(empty_database_url, role=None) as connection:
        assert await missing(connection, scripts()) == NAMES
    await migrate(empty_database_url, scripts()[:-1])
    async with await connect(empty_database_url) as connection:
        assert await missing(connection, scripts()) == NAMES[-1:]


def test_a_read_model_can_have_several_scripts(tmp_path: Path) -> None:
    for name in ("b/schema.sql", "a/schema_0002_more.sql", "a/schema.sql", "a/schema_0010_last.sql", "a/queries.sql"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f"-- {name}")
    named = [script.name for script in folder_scripts(tmp_path)]
    assert named == ["a/schema", "a/schema_0002_more", "a/schema_0010_last", "b/schema"]
