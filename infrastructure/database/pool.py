"""A connection pool that returns only connections with the requested settings.

A cancelled caller can leave its connection inside a pipeline or a transaction, or with another role. Such a connection
is closed and replaced immediately: the next caller would fail, or see rows of another organization.
"""

import asyncio
import os
import socket
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from time import monotonic
from typing import Any, Literal, get_args

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from infrastructure.database.connection_settings import Connection, ConnectionSettings, left_open
from infrastructure.database.errors import SUSPECT, SettingsNotApplied

Reason = Literal["cancelled", "pipeline", "transaction", "settings", "error", "lost"]
"""Reasons to replace a connection: its caller was cancelled while using it, left a pipeline or a transaction open, or
changed its settings; an error was raised that the connection may have caused; or the server closed it."""

REASONS: tuple[Reason, ...] = get_args(Reason)


_SILENT = "PostgreSQL did not answer in time. Repeat the request in a moment."


class Pool(AsyncConnectionPool[Connection]):
    """A pool that is created closed. `replaced` counts the connections that were closed early, by reason."""

    def __init__(
        self,
        url: str,
        settings: ConnectionSettings,
        arguments: dict[str, Any],
        *,
        size_max: int,
        waiting_max: int,
        timeout: float,
    ) -> None:
        self.replaced: Counter[Reason] = Counter()
        self._settings = settings
        self._not_applied: SettingsNotApplied | None = None
        super().__init__(
            url,
            connection_class=AsyncConnection[TupleRow],
            kwargs=arguments,
            configure=self._verify_new,
            # With a reset callback, the pool takes connections back in a separate task. Without one, a caller that is
            # cancelled while it returns its connection makes the pool one connection smaller.
            reset=_require_idle,
            min_size=1,
            max_size=size_max,
            max_waiting=waiting_max,
            timeout=timeout,
            reconnect_timeout=1.0,
            open=False,
        )

    @property
    def not_applied(self) -> SettingsNotApplied | None:
        """Return why the last connection was unusable; None: its settings were applied, or PostgreSQL was silent."""
        return self._not_applied

    async def getconn(self, timeout: float | None = None) -> Connection:  # noqa: ASYNC109 -- the signature of the pool
        """Return a connection whose settings were just verified. Raise `PoolTimeout` or `SettingsNotApplied`."""
        deadline = monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            try:
                connection = await super().getconn(max(deadline - monotonic(), 0.0))
            except PoolTimeout:
                if self._not_applied is not None:
                    raise self._not_applied.again() from None
                raise
            try:
                with _cut_off(connection, deadline - monotonic()):
                    await self._settings.verify(connection)
            except SettingsNotApplied:
                await self._replace(connection, "settings")
            except psycopg.Error:
                # A restart of the server must not make a request fail.
                await self._replace(connection, "lost")
            except BaseException:
                await self._replace(connection, "cancelled")
                await self.putconn(connection)
                raise
            else:
                return connection
            await self.putconn(connection)
            if monotonic() >= deadline:
                raise PoolTimeout(_SILENT)

    async def putconn(self, conn: Connection) -> None:
        reason = left_open(conn)
        if reason is not None:
            await self._replace(conn, reason)
        await super().putconn(conn)

    @asynccontextmanager
    async def connection(self, timeout: float | None = None) -> AsyncGenerator[Connection]:  # noqa: ASYNC109 -- the parameter of the base class
        """Yield a connection. Commit when the block ends, and roll back if the block raises."""
        async with super().connection(timeout) as connection:
            try:
                yield connection
            except asyncio.CancelledError:
                await self._replace(connection, "cancelled")
                raise
            except SUSPECT:
                await self._replace(connection, "error")
                raise

    async def _replace(self, connection: Connection, reason: Reason) -> None:
        """Close the connection; the pool opens another one when the caller returns it."""
        if not connection.closed or reason == "lost":
            self.replaced[reason] += 1
        await connection.close()

    async def _verify_new(self, connection: Connection) -> None:
        try:
            with _cut_off(connection, self.timeout):
                await self._settings.verify(connection)
        except SettingsNotApplied as error:
            self._not_applied = error
            await connection.close()
            raise
        self._not_applied = None


@contextmanager
def _cut_off(connection: Connection, seconds: float) -> Generator[None]:
    """Shut the connection down after `seconds`: a pending statement then fails as if the server had closed it.

    The driver cancels a statement by asking the server and waiting for its response. A paused server never responds.
    """
    timer = asyncio.get_running_loop().call_later(max(seconds, 0.0), _shut_down, connection)
    try:
        yield
    finally:
        timer.cancel()


def _shut_down(connection: Connection) -> None:
    with suppress(psycopg.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)


async def _require_idle(connection: Connection) -> None:
    reason = left_open(connection)
    if reason is not None:
        raise psycopg.InterfaceError(f"The connection was given back inside an open {reason}. It is replaced.")
