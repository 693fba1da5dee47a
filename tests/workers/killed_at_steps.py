"""A job in a separate process that is killed with `kill -9` just before it sends its n-th statement to PostgreSQL.

The process connects through a proxy that counts statements (the protocol messages Query, Execute and Sync) and holds
the n-th back until the process is dead. The result does not depend on timing: every earlier statement has been
executed, and no later one ever is.
"""

import asyncio
import importlib
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.programs import forks
from tests.waiting import stretched

_SOCKET = ".s.PGSQL.5432"
_STEPS = b"QES"
_LENGTH_BYTES = 4
_SECONDS = 30


class StepProxy:
    """A proxy that holds the n-th statement. `held` is set once that statement waits, and never if there are fewer."""

    def __init__(self, folder: Path, url: str) -> None:
        (self._target,) = parse_qs(urlsplit(url).query)["host"]
        self.url = url.replace(self._target, str(folder))
        self.folder = folder
        self.held = asyncio.Event()
        self._left: int | None = None
        self._servers: list[tuple[asyncio.StreamWriter, asyncio.Task[None]]] = []

    def hold_at(self, step: int) -> None:
        self._left, self.held = step, asyncio.Event()

    async def cut(self) -> None:
        """Close the connections of a dead process; return when the server has released everything it held for them."""
        for server_writer, responses in self._servers:
            with suppress(OSError, RuntimeError):
                server_writer.write_eof()
            await responses
            server_writer.close()
        self._servers.clear()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(Path(self._target) / _SOCKET)
        self._servers.append((server_writer, asyncio.create_task(_forward(server_reader, writer))))
        try:
            # The first message has no type byte.
            length = await reader.readexactly(_LENGTH_BYTES)
            server_writer.write(length + await reader.readexactly(int.from_bytes(length) - _LENGTH_BYTES))
            while True:
                head = await reader.readexactly(1 + _LENGTH_BYTES)
                body = await reader.readexactly(int.from_bytes(head[1:]) - _LENGTH_BYTES)
                if head[:1] in _STEPS and self._left is not None:
                    self._left -= 1
                    if self._left <= 0:
                        await server_writer.drain()
                        self.held.set()
                        return
                server_writer.write(head + body)
        except (OSError, asyncio.IncompleteReadError):
            with suppress(OSError, RuntimeError):
                server_writer.write_eof()


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Forward until the server closes its end, even if the client is gone."""
    while received := await reader.read(1 << 16):
        with suppress(OSError):
            writer.write(received)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def step_proxy(url: str) -> AsyncGenerator[StepProxy]:
    with tempfile.TemporaryDirectory() as folder:
        proxy = StepProxy(Path(folder), url)
        server = await asyncio.start_unix_server(proxy.connected, proxy.folder / _SOCKET)
        try:
            yield proxy
        finally:
            await proxy.cut()
            server.close()


async def killed_at(proxy: StepProxy, step: int, job: str, settings: Mapping[str, str]) -> bool:
    """Run `job`, such as "raise_expiry_alerts", and kill it just before that step. Return False if it ended earlier."""
    return await killed_in(proxy, step, _run_job, job, {**settings, "DATABASE_URL": proxy.url})


async def killed_in(proxy: StepProxy, step: int, program: Callable[..., None], *arguments: object) -> bool:
    """Run `program` and kill it just before that step. Return False if it ended earlier."""
    proxy.hold_at(step)
    process = forks.Process(target=program, args=arguments)
    process.start()
    held = asyncio.create_task(proxy.held.wait())
    ended = asyncio.create_task(asyncio.to_thread(process.join))
    try:
        async with asyncio.timeout(stretched(_SECONDS)):
            await asyncio.wait({held, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        process.kill()
        await ended
        await proxy.cut()
    was_held = held.done()
    held.cancel()
    if not was_held:
        assert process.exitcode == 0
    return was_held


def _run_job(job: str, settings: Mapping[str, str]) -> None:
    os.environ.update(settings)
    getattr(importlib.import_module(f"workers.jobs.{job}"), job)()
