"""Pipelines on the connections of tests, which also query with cursors."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from psycopg import sql
from psycopg.pq.abc import PGresult

from eventstore.usage_batch import Batch, append_once
from infrastructure.database.connections import Connection
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.prepared import Call, PreparedStatement

SELECT = PreparedStatement.of("select_text", b"select %s::text")
"""A statement that returns its parameter."""


class _Borrowed(Pipeline):
    """A pipeline that leaves its connection open, in the mode in which cursors use it."""

    async def give_back(self) -> None:
        if self._socket is not None:
            self._loop.remove_reader(self._socket)
            self._server.exit_pipeline_mode()
            for name in self._prepared:
                await self._connection.execute(sql.SQL("deallocate {}").format(sql.Identifier(name.decode())))


@asynccontextmanager
async def pipeline_on(connection: Connection) -> AsyncGenerator[Pipeline]:
    """Use an idle connection as a pipeline for a while."""
    pipeline = _Borrowed(connection)
    try:
        yield pipeline
    finally:
        await pipeline.give_back()


async def append(connection: Connection, batch: Batch) -> None:
    """Append `batch` through the connection of a test, with its role and in its transaction."""
    async with pipeline_on(connection) as pipeline:
        await append_once(pipeline, batch)


async def selected(pipeline: Pipeline, *texts: str) -> Sequence[str]:
    """Return `texts` after one round trip, one statement for each."""
    return [text_of(result) for result in await pipeline.run(*[select(text) for text in texts])]


def select(text: str) -> Call:
    return SELECT.call(text.encode())


def text_of(result: PGresult) -> str:
    return (result.get_value(0, 0) or b"").decode()
