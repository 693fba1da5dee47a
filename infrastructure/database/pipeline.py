"""A connection that runs several prepared statements as one flush, one wait and one transaction.

It uses the pipeline mode of libpq through `psycopg.pq`, the public wrapper of libpq. The cursors of psycopg serve every
other connection. They would cost group commit more than the rest of a batch: a cursor looks up the types of all
parameters, and waits for the socket several times per statement (docs/decisions/0054).

Rules of libpq that this module depends on (PostgreSQL documentation, 32.5 "Pipeline Mode"):

* Every statement has one result, in order, followed by None. `PIPELINE_SYNC` ends a call. Only then is its transaction
  committed.
* After a failed statement, the other statements of the call are skipped with `PIPELINE_ABORTED`.
* While a flush would block, input must be read. Otherwise both sides can wait for each other to read.
* libpq closes the socket when the connection is lost, and its number can belong to another file immediately. The event
  loop must therefore forget the socket within the same callback.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from types import TracebackType
from typing import Self

import psycopg
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGresult

from infrastructure.database.connection_settings import Connection
from infrastructure.database.prepared import Call, PreparedStatement

_FAILED = frozenset({ExecStatus.FATAL_ERROR, ExecStatus.PIPELINE_ABORTED, ExecStatus.BAD_RESPONSE})
_FINISHED = frozenset({ExecStatus.COMMAND_OK, ExecStatus.TUPLES_OK, ExecStatus.EMPTY_QUERY})
_ENDS_SESSION = frozenset({b"FATAL", b"PANIC"})


class Pipeline:
    """Owns `connection`, which must be in autocommit mode and idle, until `close`. Bound to the running event loop.

    One call at a time. A call that is cancelled or that loses the connection closes the pipeline, so that no later call
    can read its results.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._server = connection.pgconn
        self._server.enter_pipeline_mode()
        self._prepared: set[bytes] = set()
        self._answer: asyncio.Future[list[PGresult]] | None = None
        self._awaited: deque[bytes | None] = deque()
        self._results: list[PGresult] = []
        self._loop = asyncio.get_running_loop()
        self._socket: int | None = self._server.socket
        self._is_writing = False
        self._loop.add_reader(self._socket, self._readable)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def closed(self) -> bool:
        """Return whether the connection was closed, lost, or given up. Every further call raises `OperationalError`."""
        return self._socket is None

    @property
    def is_idle(self) -> bool:
        """Return whether the next call would start in a transaction of its own."""
        return self._answer is None and self._server.transaction_status == TransactionStatus.IDLE

    @property
    def backend_pid(self) -> int:
        """Return the process id of the server process."""
        return self._server.backend_pid

    async def close(self) -> None:
        """Close the connection. A call that still waits gets an `OperationalError`."""
        self._drop(psycopg.OperationalError("The connection was closed during a call."))
        await self._connection.close()

    async def run(self, *calls: Call) -> Sequence[PGresult]:
        """Return one result for each of `calls`, in order. They are one transaction and one round trip.

        Raise the error of the first that failed, in which case none of them has an effect, or `OperationalError` if the
        connection was lost, in which case their effect is unknown.
        """
        answer = self._start()
        try:
            for statement, parameters in calls:
                if statement.name not in self._prepared and statement.name not in self._awaited:
                    self._server.send_prepare(statement.name, statement.query)
                    self._awaited.append(statement.name)
                self._server.send_query_prepared(
                    statement.name, parameters, statement.parameter_formats, result_format=statement.result_format
                )
                self._awaited.append(None)
            return await self._flushed(answer)
        finally:
            self._end()

    async def execute(self, query: bytes, *parameters: bytes | None) -> PGresult:
        """Return the result of one statement that is not prepared, with `%s` and `%b` for its parameters."""
        statement, values = PreparedStatement.of("", query).call(*parameters)
        answer = self._start()
        try:
            self._server.send_query_params(
                statement.query,
                values,
                param_formats=statement.parameter_formats,
                result_format=statement.result_format,
            )
            self._awaited.append(None)
            return (await self._flushed(answer))[0]
        finally:
            self._end()

    def _start(self) -> asyncio.Future[list[PGresult]]:
        if self._answer is not None:
            raise psycopg.ProgrammingError("Another call is in progress on this connection.")
        if self._socket is None:
            raise psycopg.OperationalError("The connection is closed.")
        self._results = []
        self._answer = self._loop.create_future()
        return self._answer

    async def _flushed(self, answer: asyncio.Future[list[PGresult]]) -> list[PGresult]:
        """Send what was queued, and return its results."""
        self._server.pipeline_sync()
        self._writable()
        return await answer

    def _end(self) -> None:
        """Drop the connection unless the call has read all of its results."""
        answer, self._answer = self._answer, None
        if answer is None or not answer.done() or answer.cancelled():
            self._drop(None)
        else:
            answer.exception()  # marks it as retrieved, in case the call was cancelled after its error had come

    def _readable(self) -> None:
        """Read what has arrived, also while no call waits: a notice, or the end of the session."""
        try:
            self._server.consume_input()
            self._collect()
        except psycopg.Error as error:
            self._lost(error)

    def _writable(self) -> None:
        """Continue to flush. libpq may also read while it writes, so there may be results afterwards."""
        if self._socket is None:
            return
        try:
            waits = bool(self._server.flush())
            if waits != self._is_writing:
                self._is_writing = waits
                if waits:
                    self._loop.add_writer(self._socket, self._writable)
                else:
                    self._loop.remove_writer(self._socket)
            self._collect()
        except psycopg.Error as error:
            self._lost(error)

    def _collect(self) -> None:
        """Take the results that are complete."""
        while not self._server.is_busy() and self._answer is not None and not self._answer.done():
            result = self._server.get_result()
            if result is None:
                if self._server.status == ConnStatus.BAD:
                    break
            elif result.status == ExecStatus.PIPELINE_SYNC:
                self._finish(self._answer)
            elif result.status not in _FAILED and result.status not in _FINISHED:
                raise psycopg.NotSupportedError(f"A statement of a pipeline returned {result.status}.")
            else:
                self._take(result)
        if self._server.status == ConnStatus.BAD:
            raise psycopg.OperationalError("The connection is lost.")

    def _take(self, result: PGresult) -> None:
        """Keep a result. That of a preparation only shows whether the server now knows the statement.

        Preparing is not undone when the transaction of the call fails.
        """
        name = self._awaited.popleft() if self._awaited else None
        if name is None or result.status in _FAILED:
            self._results.append(result)
        else:
            self._prepared.add(name)

    def _finish(self, answer: asyncio.Future[list[PGresult]]) -> None:
        failed = self._failed()
        if failed is None:
            answer.set_result(self._results)
        else:
            answer.set_exception(error_from_result(failed))
        self._results = []

    def _failed(self) -> PGresult | None:
        return next((result for result in self._results if result.status in _FAILED), None)

    def _lost(self, error: psycopg.Error) -> None:
        """Close the connection. A server that ended the session has sent the reason before."""
        failed = self._failed()
        if failed is not None and failed.error_field(DiagnosticField.SEVERITY_NONLOCALIZED) in _ENDS_SESSION:
            error = error_from_result(failed)
        self._drop(error)

    def _drop(self, error: psycopg.Error | None) -> None:
        """Close the connection now. A call that waits gets `error`."""
        socket, self._socket = self._socket, None
        self._awaited.clear()
        if socket is not None:
            self._loop.remove_reader(socket)
            if self._is_writing:
                self._loop.remove_writer(socket)
            self._server.finish()
        if error is not None and self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
