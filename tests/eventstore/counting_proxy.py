"""A proxy to PostgreSQL that counts round trips: how often a client sent something after it had received something."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

_SOCKET = ".s.PGSQL.5432"
_CHUNK = 1 << 20


class CountingProxy:
    """`round_trips` of all connections so far. A client that sends in several parts without waiting counts once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.round_trips = 0
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, folder: Path, target: Path) -> asyncio.AbstractServer:
        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if (task := asyncio.current_task()) is not None:
                self._connections.add(task)
            server_reader, server_writer = await asyncio.open_unix_connection(target)
            is_answered = asyncio.Event()
            is_answered.set()
            responses = asyncio.create_task(self._respond(server_reader, writer, is_answered))
            with suppress(OSError):
                while received := await reader.read(_CHUNK):
                    if is_answered.is_set():
                        is_answered.clear()
                        self.round_trips += 1
                    server_writer.write(received)
                    await server_writer.drain()
            server_writer.close()
            await responses
            with suppress(OSError):
                await server_writer.wait_closed()

        return await asyncio.start_unix_server(connected, folder / _SOCKET)

    async def _respond(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, is_answered: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while received := await reader.read(_CHUNK):
                is_answered.set()
                writer.write(received)
                await writer.drain()
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

    async def ended(self) -> None:
        """Return when all connections have ended, which their clients close."""
        await asyncio.gather(*self._connections)


@asynccontextmanager
async def counting_proxy(url: str) -> AsyncGenerator[CountingProxy]:
    """Run a proxy in front of the server of `url` and yield it; its `url` is the address to use."""
    (target,) = parse_qs(urlsplit(url).query)["host"]
    with tempfile.TemporaryDirectory() as folder:
        proxy = CountingProxy(url.replace(target, folder))
        server = await proxy.serve(Path(folder), Path(target) / _SOCKET)
        try:
            yield proxy
        finally:
            server.close()
            await proxy.ended()
