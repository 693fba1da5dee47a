"""A pipeline runs the statements of a call as one transaction, and never gives one call the results of another."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator

import psycopg
import pytest

from infrastructure.database.connections import Connection, Timeouts, connect, open_pipeline
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import (
    PreparedStatement,
    as_boolean,
    as_instant,
    as_integer,
    as_text,
    bytea_array,
    text_array,
)
from tests.eventstore.changes import value
from tests.eventstore.cutting_proxy import Cut, cutting_proxy
from tests.eventstore.pipelines import SELECT, select, selected, text_of
from tests.interrupting import INTERRUPTING, MOMENTS, Moment, cancelled_everywhere
from tests.random_input import random_bytes
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.log_view import eventually

pytestmark = INTERRUPTING

Superuser = psycopg.AsyncConnection[tuple[object, ...]]

DIVIDE = PreparedStatement.of("divide", b"select 1 / %s::int")
SLEEP = PreparedStatement.of("sleep", b"select pg_sleep(%s)")
INSERT = PreparedStatement.of("insert_note", b"insert into notes values (%s)")
ECHO = PreparedStatement.of("echo", b"select %b::bytea")


@pytest.fixture(params=[False, True], ids=["asyncio", "uvloop"])
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:  # pyright: ignore[reportIncompatibleMethodOverride]
    """The event loop of the server processes is uvloop; commands and most tests use the one of Python."""
    return "asyncio", {"use_uvloop": request.param}


@pytest.fixture
async def pipeline(database_url: str) -> AsyncIterator[Pipeline]:
    async with await open_pipeline(database_url, role=None, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
async def notes(connection: Connection) -> None:
    await connection.execute("create table notes (text text primary key)")


async def test_a_call_returns_one_result_for_each_statement_in_order(pipeline: Pipeline) -> None:
    assert await selected(pipeline, "a", "b", "a") == ["a", "b", "a"]
    assert await pipeline.run() == []


async def test_the_statements_of_a_call_are_one_transaction(
    pipeline: Pipeline, notes: None, connection: Connection
) -> None:
    with pytest.raises(psycopg.errors.UniqueViolation):
        await pipeline.run(INSERT.call(b"a"), INSERT.call(b"b"), INSERT.call(b"a"), INSERT.call(b"c"))
    assert await value(connection, "select count(*) from notes") == 0
    inserted = await pipeline.run(INSERT.call(b"a"), INSERT.call(b"b"))
    assert [each.command_tuples for each in inserted] == [1, 1]
    assert await value(connection, "select count(*) from notes") == 2


async def test_the_first_error_of_a_call_is_raised_and_the_pipeline_stays_usable(pipeline: Pipeline) -> None:
    for _ in range(3):
        with pytest.raises(psycopg.errors.DivisionByZero) as raised:
            await pipeline.run(select("a"), DIVIDE.call(b"0"), DIVIDE.call(b"x"), SELECT.call(b"b"))
        assert raised.value.diag.sqlstate == "22012"
        assert (pipeline.closed, pipeline.is_idle) == (False, True)
        assert await selected(pipeline, "c") == ["c"]


async def test_a_statement_whose_preparation_was_skipped_is_prepared_by_the_next_call(pipeline: Pipeline) -> None:
    with pytest.raises(psycopg.errors.DivisionByZero):
        await pipeline.run(DIVIDE.call(b"0"), select("never prepared"))
    assert await selected(pipeline, "a") == ["a"]
    (result,) = await pipeline.run(DIVIDE.call(b"1"))
    assert as_integer(result.get_value(0, 0)) == 1


async def test_a_statement_that_cannot_be_prepared_is_prepared_once_it_can(
    pipeline: Pipeline, connection: Connection
) -> None:
    with pytest.raises(psycopg.errors.UndefinedTable):
        await pipeline.run(select("a"), INSERT.call(b"a"))
    await connection.execute("create table notes (text text primary key)")
    (inserted,) = await pipeline.run(INSERT.call(b"a"))
    assert inserted.command_tuples == 1


async def test_a_statement_is_prepared_once(pipeline: Pipeline) -> None:
    for _ in range(3):
        await pipeline.run(select("a"), select("b"))
    prepared = await pipeline.execute(b"select count(*) from pg_prepared_statements where name = 'select_text'")
    assert as_integer(prepared.get_value(0, 0)) == 1


async def test_statements_have_generic_plans(pipeline: Pipeline) -> None:
    for _ in range(3):
        await selected(pipeline, "a")
    plans = await pipeline.execute(
        b"select generic_plans, custom_plans from pg_prepared_statements where name = 'select_text'"
    )
    assert (as_integer(plans.get_value(0, 0)), as_integer(plans.get_value(0, 1))) == (3, 0)


async def test_values_keep_their_types(pipeline: Pipeline) -> None:
    result = await pipeline.execute(
        b"select 'Zo\xc3\xab', -7::bigint, true, false, timestamptz '2026-03-01 12:00:00.000001Z', null::text"
    )
    get = result.get_value
    assert as_text(get(0, 0)) == "Zoë"
    assert as_integer(get(0, 1)) == -7
    assert (as_boolean(get(0, 2)), as_boolean(get(0, 3))) == (True, False)
    assert as_instant(get(0, 4)).isoformat() == "2026-03-01T12:00:00.000001+00:00"
    with pytest.raises(ValueError, match="null"):
        as_text(get(0, 5))


@pytest.mark.parametrize("items", [[], [b""], [b"a", b"\0\xff", b"x" * 100_000]])
async def test_an_array_of_bytes_arrives_unchanged(pipeline: Pipeline, items: list[bytes]) -> None:
    result = await pipeline.execute(b"select item from unnest(%b::bytea[]) as a (item)", bytea_array(items))
    assert [result.get_value(row, 0) for row in range(result.ntuples)] == items


@pytest.mark.parametrize("items", [[], ["", 'quote " comma , {brace} \\ null'], ["Zoë", "null"]])
async def test_an_array_of_texts_arrives_unchanged(pipeline: Pipeline, items: list[str]) -> None:
    result = await pipeline.execute(b"select item from unnest(%b::text[]) as a (item)", text_array(items))
    assert [as_text(result.get_value(row, 0)) for row in range(result.ntuples)] == items


async def test_a_text_with_a_zero_byte_is_refused_instead_of_cut(pipeline: Pipeline) -> None:
    with pytest.raises(psycopg.DataError, match="zero byte"):
        await selected(pipeline, "a\0b")
    with pytest.raises(psycopg.DataError):
        await pipeline.execute(b"select %b::text[]", text_array(["a\0b"]))
    with pytest.raises(psycopg.DataError, match="Unicode"):
        text_array(["\ud800"])
    assert await selected(pipeline, "a") == ["a"]


def test_placeholders_are_numbered() -> None:
    statement = PreparedStatement.of("name", b"select %s, %b where a like '%%' and b = %s")
    assert statement.query == b"select $1, $2 where a like '%' and b = $3"
    assert statement.parameter_formats == (0, 1, 0)
    with pytest.raises(ValueError, match="placeholder"):
        PreparedStatement.of("name", b"select %(named)s")
    with pytest.raises(TypeError, match="takes 3 parameters"):
        statement.call(b"1")


async def test_a_large_call_exceeds_the_buffers_of_both_directions(pipeline: Pipeline) -> None:
    """The server cannot send its first responses unless they are read while the other statements are still sent."""
    sent = [random_bytes(3_000_000) for _ in range(10)]
    async with asyncio.timeout(120):
        results = await pipeline.run(*[ECHO.call(each) for each in sent])
    assert [result.get_value(0, 0) for result in results] == sent
    assert await selected(pipeline, "a") == ["a"]


async def test_the_event_loop_runs_other_tasks_while_a_call_cannot_send(
    pipeline: Pipeline, connection: Connection
) -> None:
    """A loop that waits by asking again and again would turn thousands of times in this second."""
    await connection.execute("create function slow() returns text language sql as 'select pg_sleep(1)::text'")
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0.01)
            turns += 1

    counting = asyncio.create_task(count_turns())
    await pipeline.run(
        PreparedStatement.of("slow", b"select slow()").call(), *[ECHO.call(bytes(3_000_000)) for _ in range(5)]
    )
    counting.cancel()
    assert turns > 10


async def test_a_second_call_at_the_same_time_is_refused_and_the_first_one_completes(pipeline: Pipeline) -> None:
    first = asyncio.create_task(pipeline.run(SLEEP.call(b"0.2"), select("first")))
    await asyncio.sleep(0)
    with pytest.raises(psycopg.ProgrammingError, match="in progress"):
        await selected(pipeline, "second")
    with pytest.raises(psycopg.ProgrammingError, match="in progress"):
        await pipeline.execute(b"select 1")
    assert text_of((await first)[1]) == "first"
    assert not pipeline.closed


async def test_a_closed_pipeline_refuses_calls(pipeline: Pipeline) -> None:
    await pipeline.close()
    await pipeline.close()
    assert pipeline.closed
    with pytest.raises(psycopg.OperationalError, match="closed"):
        await selected(pipeline, "a")


async def test_a_call_that_waits_while_the_pipeline_is_closed_fails(pipeline: Pipeline) -> None:
    waiting = asyncio.create_task(pipeline.run(SLEEP.call(b"60")))
    await asyncio.sleep(0.1)
    await pipeline.close()
    with pytest.raises(psycopg.OperationalError, match="closed during a call"):
        await waiting


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_cancelled_call_leaves_no_result_to_the_next_one(database_url: str, moment: Moment) -> None:
    pipelines: list[Pipeline] = []

    async def call() -> None:
        if not pipelines or pipelines[-1].closed:
            pipelines.append(await open_pipeline(database_url, role=None, timeouts=GENEROUS_TIMEOUTS))
        assert await selected(pipelines[-1], "cancelled", "also cancelled") == ["cancelled", "also cancelled"]

    awaits = 0
    async for _ in cancelled_everywhere(call, moment):
        awaits += 1
        if pipelines and not pipelines[-1].closed:
            assert await selected(pipelines[-1], "next") == ["next"]
            await pipelines[-1].close()
    assert awaits >= 2
    for each in pipelines:
        await each.close()


async def test_a_cancelled_call_ends_its_statement(pipeline: Pipeline, connection: Connection) -> None:
    waiting = asyncio.create_task(pipeline.run(SLEEP.call(b"3600")))
    await asyncio.sleep(0.1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert pipeline.closed

    async def has_ended() -> bool:
        count = "select count(*) from pg_stat_activity where query = 'select pg_sleep($1)' and pid <> pg_backend_pid()"
        return await value(connection, count) == 0

    await eventually(has_ended)


async def test_a_call_whose_session_is_terminated_fails_with_the_reason(
    pipeline: Pipeline, superuser: Superuser
) -> None:
    waiting = asyncio.create_task(pipeline.run(SLEEP.call(b"60"), select("a")))
    await asyncio.sleep(0.1)
    await superuser.execute("select pg_terminate_backend(%s)", (pipeline.backend_pid,))
    with pytest.raises(psycopg.errors.AdminShutdown):
        await waiting
    assert pipeline.closed


async def test_the_end_of_a_session_is_noticed_while_no_call_waits(pipeline: Pipeline, superuser: Superuser) -> None:
    await superuser.execute("select pg_terminate_backend(%s)", (pipeline.backend_pid,))

    async def is_closed() -> bool:
        return pipeline.closed

    await eventually(is_closed)
    with pytest.raises(psycopg.OperationalError):
        await selected(pipeline, "a")


async def test_the_end_of_a_session_is_an_operational_error_if_a_call_comes_first(
    pipeline: Pipeline, superuser: Superuser
) -> None:
    pid = pipeline.backend_pid
    await superuser.execute("select pg_terminate_backend(%s, 30000)", (pid,))
    with pytest.raises(psycopg.OperationalError):
        await selected(pipeline, "a")
    assert pipeline.closed


async def test_a_lost_socket_is_not_watched_when_its_number_belongs_to_another_file(
    pipeline: Pipeline, superuser: Superuser
) -> None:
    """The event loop would otherwise call the closed pipeline for the other file, or forget the other file."""
    number = pipeline._server.socket  # pyright: ignore[reportPrivateUsage]
    await superuser.execute("select pg_terminate_backend(%s)", (pipeline.backend_pid,))
    loop = asyncio.get_running_loop()

    async def is_closed() -> bool:
        return pipeline.closed

    await eventually(is_closed)
    ours, other = sorted(socket.socketpair(), key=lambda end: end.fileno() != number)
    with other:
        os.dup2(ours.fileno(), number)
        if ours.fileno() == number:
            ours.detach()
        else:
            ours.close()
        received: asyncio.Future[bytes] = loop.create_future()
        loop.add_reader(number, lambda: received.done() or received.set_result(os.read(number, 10)))
        await pipeline.close()
        other.send(b"arrives")
        async with asyncio.timeout(30):
            assert await received == b"arrives"
        loop.remove_reader(number)
        os.close(number)


async def test_a_statement_that_takes_too_long_is_an_operational_error(database_url: str) -> None:
    async with await open_pipeline(database_url, timeouts=Timeouts(statement=0.2)) as pipeline:
        with pytest.raises(psycopg.errors.QueryCanceled):
            await pipeline.run(select("a"), SLEEP.call(b"60"), select("b"))
        assert issubclass(psycopg.errors.QueryCanceled, psycopg.OperationalError)
        assert await selected(pipeline, "c") == ["c"]


async def test_a_connection_that_is_cut_in_the_middle_of_a_call_is_lost(database_url: str) -> None:
    async with cutting_proxy(database_url) as proxy, await open_pipeline(proxy.url) as pipeline:
        proxy.cut_at(b"find me", Cut.BEFORE_RESPONSE)
        with pytest.raises(psycopg.OperationalError):
            await selected(pipeline, "a", "find me")
        assert pipeline.closed


async def test_notices_reach_their_handlers(database_url: str) -> None:
    received: list[str] = []
    connection = await connect(database_url, role=None)
    connection.add_notice_handler(lambda notice: received.append(str(notice.message_primary)))
    async with Pipeline(connection) as pipeline:
        await pipeline.execute(b"do $$ begin raise warning 'noticed'; end $$")
        assert await selected(pipeline, "a") == ["a"]
    assert received == ["noticed"]


async def test_a_transaction_that_was_started_explicitly_is_not_idle(pipeline: Pipeline) -> None:
    assert pipeline.is_idle
    await pipeline.execute(b"begin")
    assert not pipeline.is_idle
    with pytest.raises(psycopg.errors.DivisionByZero):
        await pipeline.run(DIVIDE.call(b"0"))
    assert not pipeline.is_idle
    await pipeline.execute(b"rollback")
    assert pipeline.is_idle


async def test_a_statement_that_copies_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(psycopg.DatabaseError):
        await pipeline.execute(b"copy (select 1) to stdout")
    with pytest.raises(psycopg.OperationalError):
        await selected(pipeline, "a")


async def test_a_pipeline_has_the_settings_of_the_connection(database_url: str) -> None:
    async with await open_pipeline(database_url) as pipeline:
        settings = await pipeline.execute(
            b"select current_user::text, current_setting('plan_cache_mode'), current_setting('jit')"
        )
        assert [as_text(settings.get_value(0, column)) for column in range(3)] == [
            "keyledger_gate",
            "force_generic_plan",
            "off",
        ]
    async with await connect(database_url) as connection:
        assert await value(connection, "select current_setting('plan_cache_mode')") == "auto"
        assert await value(connection, "select current_setting('jit')") == "off"
