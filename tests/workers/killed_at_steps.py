"""A job in a process of its own that is killed with `kill -9` right before it sends its n-th statement to PostgreSQL.

The process talks to the server through a wire that counts the statements in the bytes (the messages Query, Execute and
Sync of the protocol) and holds the n-th back until the process is dead. Nothing is left to the clock: whatever was sent
before has been carried out, in whichever transaction, and nothing that comes after ever will be.
"""

import asyncio
import importlib
import multiprocessing
import os
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from tests.waiting import stretched

_SOCKET = ".s.PGSQL.5432"
_STEPS = b"QES"
_LENGTH_BYTES = 4
_SECONDS = 30

_processes = multiprocessing.get_context("forkserver")
# Each process starts as a copy of one that has imported what the programs import, which takes a second.
_processes.set_forkserver_preload(["workers.schedule", "app.admin.demo", "pytest"])


class Wire:
    """`held` is set once the n-th statement waits; None: it never came to that."""

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
        """What a dead process has open is closed; returns when the server has let go of all that it held for it."""
        for server_writer, answers in self._servers:
            with suppress(OSError, RuntimeError):
                server_writer.write_eof()
            await answers
            server_writer.close()
        self._servers.clear()

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_unix_connection(Path(self._target) / _SOCKET)
        self._servers.append((server_writer, asyncio.create_task(_forward(server_reader, writer))))
        try:
            # The first message has no type.
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
    """Until the server has closed its end, whether or not anybody listens any more."""
    while received := await reader.read(1 << 16):
        with suppress(OSError):
            writer.write(received)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def wire_to(url: str) -> AsyncGenerator[Wire]:
    with tempfile.TemporaryDirectory() as folder:
        wire = Wire(Path(folder), url)
        server = await asyncio.start_unix_server(wire.connected, wire.folder / _SOCKET)
        try:
            yield wire
        finally:
            await wire.cut()
            server.close()


async def killed_at(wire: Wire, step: int, job: str, settings: Mapping[str, str]) -> bool:
    """Run `job`, such as "raise_expiry_alerts", and kill it right before that step. Return False if it ended before."""
    return await killed_in(wire, step, _carry_out, job, {**settings, "DATABASE_URL": wire.url})


async def killed_in(wire: Wire, step: int, program: Callable[..., None], *arguments: object) -> bool:
    """Run `program` and kill it right before that step; False: it ended before."""
    wire.hold_at(step)
    process = _processes.Process(target=program, args=arguments)
    process.start()
    held = asyncio.create_task(wire.held.wait())
    ended = asyncio.create_task(asyncio.to_thread(process.join))
    try:
        async with asyncio.timeout(stretched(_SECONDS)):
            await asyncio.wait({held, ended}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        process.kill()
        await ended
        await wire.cut()
    was_held = held.done()
    held.cancel()
    if not was_held:
        assert process.exitcode == 0
    return was_held


def _carry_out(job: str, settings: Mapping[str, str]) -> None:
    os.environ.update(settings)
    getattr(importlib.import_module(f"workers.jobs.{job}"), job)()
