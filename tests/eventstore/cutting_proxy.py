"""A wire between the application and PostgreSQL that is cut at a chosen moment.

It lies on a Unix socket, as the server's own does, and knows nothing of the protocol: it looks for words in the bytes.
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
    BEFORE_IT_ARRIVES = "the server never sees the statement"
    BEFORE_THE_ANSWER = "the server has carried it out, and the answer is lost"
    WITHOUT_ENDING = "likewise, and the connection stays open and silent"


class Proxy:
    """Forwards everything, until `cut_at` sets a trap: the next message of the client that holds `words` springs it."""

    def __init__(self, folder: Path, target: str) -> None:
        self.url = ""
        self.cuts = 0
        self._folder = folder
        self._target = target
        self.is_down = False
        self._words = b""
        self._when = Cut.BEFORE_IT_ARRIVES
        self._goes_down = False
        self._open: set[asyncio.StreamWriter] = set()
        self._is_done: Callable[[], Awaitable[bool]] | None = None

    def cut_at(
        self,
        words: bytes,
        when: Cut,
        is_done: Callable[[], Awaitable[bool]] | None = None,
        *,
        goes_down: bool = False,
    ) -> None:
        """Once. `is_done` says when the server has carried the statement out.

        `goes_down`: every other connection is cut as well, and none is let through until `is_down` is false again.
        """
        self._words, self._when, self._is_done, self._goes_down = words, when, is_done, goes_down

    def disarm(self) -> None:
        self._words = b""

    async def serve(self) -> asyncio.AbstractServer:
        return await asyncio.start_unix_server(self._connected, self._folder / _SOCKET)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.is_down:
            writer.close()
            return
        self._open.add(writer)
        server_reader, server_writer = await asyncio.open_unix_connection(Path(self._target) / _SOCKET)
        answers = asyncio.create_task(_forward(server_reader, writer))
        try:
            while received := await reader.read(1 << 20):
                springs = self._words and self._words in received
                if springs and self._when is Cut.BEFORE_IT_ARRIVES:
                    self._spring()
                    return
                if springs:
                    self._spring()
                    answers.cancel()
                    server_writer.write(received)
                    await server_writer.drain()
                    if self._is_done is not None:
                        # The rest of what the client sends together, such as the commit, may come in another piece.
                        rest = asyncio.create_task(_forward(reader, server_writer))
                        await eventually(self._is_done)
                        rest.cancel()
                        with suppress(asyncio.CancelledError):
                            await rest
                    if self._when is Cut.WITHOUT_ENDING:
                        await reader.read(1 << 20)  # the client gives up
                    return
                server_writer.write(received)
                await server_writer.drain()
        except OSError:
            pass
        finally:
            self._open.discard(writer)
            answers.cancel()
            for each in (server_writer, writer):
                each.close()
            with suppress(asyncio.CancelledError, OSError):
                await answers

    def _spring(self) -> None:
        self._words = b""
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
    """A proxy in front of the server of `url`, whose address is the `url` of what is given."""
    (target,) = parse_qs(urlsplit(url).query)["host"]
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(Path(folder), target)
        proxy.url = url.replace(target, folder)
        server = await proxy.serve()
        try:
            yield proxy
        finally:
            server.close()
