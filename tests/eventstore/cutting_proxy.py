"""A proxy between the application and PostgreSQL that cuts connections at a chosen moment.

It listens on a Unix socket, like the server, and does not parse the protocol: it searches the bytes for a substring.
"""

import asyncio
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.workers.log_view import eventually

_SOCKET = ".s.PGSQL.5432"


class Cut(Enum):
    BEFORE_STATEMENT = "the server does not receive the statement"
    BEFORE_RESPONSE = "the server has executed the statement, and its response is lost"
    WITHOUT_CLOSING = "the response is lost, and the connection stays open and silent"


class Proxy:
    """Forward everything until `cut_at` sets a trigger: the next client message that contains `substring` is cut."""

    def __init__(self, folder: Path, target: str) -> None:
        self.url = ""
        self.cuts = 0
        self._folder = folder
        self._target = target
        self.is_down = False
        self._substring = b""
        self._when = Cut.BEFORE_STATEMENT
        self._goes_down = False
        self._open: set[asyncio.StreamWriter] = set()
        self._is_done: Callable[[], Awaitable[bool]] | None = None

    def cut_at(
        self,
        substring: bytes,
        when: Cut,
        is_done: Callable[[], Awaitable[bool]] | None = None,
        *,
        goes_down: bool = False,
    ) -> None:
        """Cut once. `is_done` reports when the server has executed the statement.

        `goes_down`: every other connection is cut as well, and none is accepted until `is_down` is false again.
        """
        self._substring, self._when, self._is_done, self._goes_down = substring, when, is_done, goes_down

    def disarm(self) -> None:
        self._substring = b""

    async def serve(self) -> asyncio.AbstractServer:
        return await asyncio.start_unix_server(self._connected, self._folder / _SOCKET)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.close()
            return
        self._open.add(writer)
        server_reader, server_writer = await asyncio.open_unix_connection(Path(self._target) / _SOCKET)
        responses = asyncio.create_task(_forward(server_reader, writer))
        try:
            while received := await reader.read(1 << 20):
                triggered = self._substring and self._substring in received
                if triggered and self._when is Cut.BEFORE_STATEMENT:
                    self._cut()
                    return
                if triggered:
                    self._cut()
                    responses.cancel()
                    server_writer.write(received)
                    await server_writer.drain()
                    if self._is_done is not None:
                        # The rest of what the client sends with it, such as the commit, may arrive in another chunk.
                        rest = asyncio.create_task(_forward(reader, server_writer))
                        await eventually(self._is_done)
                        rest.cancel()
                        with suppress(asyncio.CancelledError):
                            await rest
                    if self._when is Cut.WITHOUT_CLOSING:
                        await reader.read(1 << 20)  # the client gives up
                    return
                server_writer.write(received)
                await server_writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            responses.cancel()
            for each in (server_writer, writer):
                each.close()
            with suppress(asyncio.CancelledError, OSError):
                await responses

    def _cut(self) -> None:
        self._substring = b""
        self.cuts += 1
        if self._goes_down:
            self.is_down = True
            for writer in self._open:
                writer.close()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while received := await reader.read(1 << 20):
            writer.write(received)
            await writer.drain()
        writer.close()


@asynccontextmanager
async def cutting_proxy(url: str) -> AsyncGenerator[Proxy]:
    """Run a proxy in front of the server of `url` and yield it; its `url` attribute is the address to use."""
    (target,) = parse_qs(urlsplit(url).query)["host"]
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(Path(folder), target)
        proxy.url = url.replace(target, folder)
        server = await proxy.serve()
        try:
            yield proxy
        finally:
            server.close()
