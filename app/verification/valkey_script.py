"""Runs one script on Valkey with one write and one read for each call.

The client library opens the connections, so that every option of its URLs applies (TLS, credentials, database). Its
layers for commands, pools and retries then cost more time than the call itself, so a protocol of this module takes over
the transport. A call has a connection for itself. A connection is used again only after its answer was read completely:
a call that is cancelled or fails closes its connection.
"""

import asyncio
from collections.abc import Sequence
from hashlib import sha1
from typing import Any, cast

import hiredis
from redis.asyncio import BlockingConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import InvalidResponse, NoScriptError, ResponseError

_pack = cast("Any", hiredis).pack_command
_CONNECTIONS_KEPT = 4
_REPLY_BYTES_MAX = 1 << 20
"""A script call returns a number for each request and each limit of a batch: some kilobytes."""


class ValkeyScript:
    """Runs `script` on the Valkey of `url`, a URL of redis-py. `connect_seconds` limits each step of connecting.

    Calls may run concurrently. Up to `max_connections` of the URL (4 by default) stay open between calls.
    """

    def __init__(self, url: str, script: str, connect_seconds: float) -> None:
        self._script = script
        self._sha = sha1(script.encode(), usedforsecurity=False).hexdigest()
        # The pool only parses the URL and makes connections. It holds none.
        self._factory = cast(
            "Any",
            BlockingConnectionPool.from_url(  # pyright: ignore[reportUnknownMemberType]
                url,
                max_connections=_CONNECTIONS_KEPT,
                socket_timeout=connect_seconds,
                socket_connect_timeout=connect_seconds,
                protocol=2,
                retry=Retry(NoBackoff(), 0),
            ),
        )
        self._idle: list[_Connection] = []

    async def run(self, keys: int, arguments: Sequence[str]) -> Any:  # noqa: ANN401 -- the type depends on the script
        """Return the result of the script. The first `keys` arguments are keys.

        Raises `RedisError` or `OSError`. The call is repeated once if a connection that was kept open is closed, which
        hides a restart of Valkey between two calls.
        """
        try:
            return await self._call("EVALSHA", self._sha, str(keys), *arguments)
        except NoScriptError:
            return await self._call("EVAL", self._script, str(keys), *arguments)

    async def ping(self) -> None:
        """Return if Valkey answers. Raises the same errors as `run`."""
        await self._call("PING")

    def disconnect(self) -> None:
        """Close the connections that are not in use. The others belong to calls, which return them."""
        idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    async def _call(self, *command: str) -> Any:  # noqa: ANN401 -- as above
        request: bytes = _pack(command)
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                try:
                    return await self._exchange(connection, request)
                except ConnectionLost:
                    break
        return await self._exchange(await self._open(), request)

    async def _exchange(self, connection: "_Connection", request: bytes) -> Any:  # noqa: ANN401 -- as above
        try:
            reply = await connection.exchange(request)
        except BaseException:
            connection.close()
            raise
        if connection.is_open and len(self._idle) < self._factory.max_connections:
            self._idle.append(connection)
        else:
            connection.close()
        if isinstance(reply, Exception):
            message = str(reply)
            raise NoScriptError(message) if message.startswith("NOSCRIPT") else ResponseError(message)
        return reply

    async def _open(self) -> "_Connection":
        """Open a connection with the client library, and take over its transport."""
        opened = self._factory.make_connection()
        try:
            await opened.connect()
        except BaseException:
            if opened._writer is not None:  # noqa: SLF001 -- as below
                opened._writer.transport.abort()  # noqa: SLF001 -- as below
            raise
        # The library has no public access to the transport. Without a connection, tests fail if these are renamed.
        writer: asyncio.StreamWriter = opened._writer  # noqa: SLF001
        opened._reader = opened._writer = None  # noqa: SLF001 -- or the transport would be closed with `opened`
        return _Connection(writer)


class _Connection(asyncio.Protocol):
    """A connection that answers one request at a time."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer  # from Python 3.12, a writer closes its transport when it is collected as garbage
        self._transport = writer.transport
        self._reader = hiredis.Reader()
        self._received = 0
        self._answer: asyncio.Future[Any] | None = None
        self._is_lost = False
        self._transport.set_protocol(self)

    @property
    def is_open(self) -> bool:
        return not self._is_lost and not self._transport.is_closing()

    def close(self) -> None:
        """Close the connection without waiting for bytes that were not sent yet."""
        self._transport.abort()

    async def exchange(self, request: bytes) -> Any:  # noqa: ANN401 -- the reply, or an error reply as an exception
        """Return the reply to `request`. Raises `ConnectionLost`, or `InvalidResponse` for anything but one reply."""
        self._received = 0
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        self._received += len(data)
        if self._answer is None or self._answer.done():
            self._fail(InvalidResponse("a reply without a request"))
        elif self._received > _REPLY_BYTES_MAX:
            self._fail(InvalidResponse("the reply is too long"))
        else:
            self._read(self._answer, data)

    def _read(self, answer: "asyncio.Future[Any]", data: bytes) -> None:
        try:
            self._reader.feed(data)
            reply = self._reader.gets()
            is_complete = reply is not False
            if is_complete and self._reader.has_data():
                raise hiredis.ProtocolError("more than one reply")
        except hiredis.HiredisError as error:
            self._fail(InvalidResponse(str(error)))
            return
        if is_complete:
            answer.set_result(reply)

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self._transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self._fail(ConnectionLost(str(exc) if exc else "Valkey closed the connection"))
