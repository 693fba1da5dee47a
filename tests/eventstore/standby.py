"""A primary whose commits wait for a standby, and a link between both that can be cut."""

import asyncio
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

import psycopg
from psycopg import sql

from embedded.account import Account
from embedded.binaries import find_postgres
from embedded.postgres import DATABASE, SUPERUSER, PostgreSQL
from infrastructure.database.connections import connect
from infrastructure.database.logins import ensure_runtime_login
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from tests.logins import runtime_url_of
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.log_view import eventually

_REPLICATION_RULE = "local replication postgres peer map=keyledger\n"
_SYNCHRONOUS = "alter system set synchronous_standby_names = 'ANY 1 (*)'"
_PARTITIONS = "select usage_partition_ensure((now() at time zone 'UTC')::date + day) from generate_series(0, 1) as day"
_WAITING = "select pid from pg_stat_activity where wait_event = 'SyncRep'"
_BLOCKED = "select 1 from pg_stat_activity where wait_event_type = 'Lock'"
_ATTACHED = "select 1 from pg_stat_replication where sync_state in ('sync', 'quorum')"


class Link:
    """Forwards the standby's connections to the socket of the primary while `is_up`.

    The link belongs to the account of the tests, which may connect to both. The account of the standby may not.
    """

    def __init__(self, target: Path) -> None:
        self.is_up = True
        self.port = 0
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.cut()
        if self._server is not None:
            self._server.close()

    def cut(self) -> None:
        self.is_up = False
        for writer in self._open:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.is_up:
            writer.close()
            return
        try:
            primary_reader, primary_writer = await asyncio.open_unix_connection(self._target / ".s.PGSQL.5432")
        except OSError:  # the primary was killed
            writer.close()
            return
        both = {writer, primary_writer}
        self._open |= both
        await asyncio.gather(_forward(reader, primary_writer), _forward(primary_reader, writer))
        self._open -= both


async def _forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while received := await reader.read(1 << 16):
            writer.write(received)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


class Pair:
    """Two servers. `url` is the database of the primary, and after `fail_over` that of the standby."""

    def __init__(self, primary: PostgreSQL, standby: PostgreSQL, link: Link) -> None:
        self.url = primary.url
        self._primary = primary
        self._standby = standby
        self._link = link
        self._superuser_url = primary.url_of(DATABASE, SUPERUSER)

    def lose_standby(self) -> None:
        self._link.cut()

    def regain_standby(self) -> None:
        self._link.is_up = True

    async def standby_is_attached(self) -> None:
        await eventually(lambda: self._finds(_ATTACHED))

    async def waiting_session(self) -> int:
        """Return the process id of the session whose commit waits for the standby, as soon as there is one."""
        await eventually(lambda: self._finds(_WAITING))
        ((pid,),) = await self._query(_WAITING)
        return pid

    async def blocked_session(self) -> None:
        """Return as soon as a session waits for a lock of another one."""
        await eventually(lambda: self._finds(_BLOCKED))

    async def end_waiting_session(self) -> None:
        """End the session whose commit waits. Its transaction is then committed on the primary only."""
        pid = await self.waiting_session()
        await self._query("select pg_terminate_backend(%s, 30000)", pid)

    async def fail_over(self) -> None:
        """Kill the primary, and make the standby the primary."""
        self._primary.kill()
        self._superuser_url = self._standby.url_of(DATABASE, SUPERUSER)
        await self._query("select pg_promote()")
        self.url = self._standby.url

    async def count(self, query: str, *parameters: object) -> int:
        """Return the number that `query` finds, on the server that is the primary now."""
        ((found,),) = await self._query(query, *parameters)
        return found

    async def _finds(self, query: str) -> bool:
        return bool(await self._query(query))

    async def _query(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Ask as the superuser, for whom no commit waits, because the queries change nothing."""
        async with await psycopg.AsyncConnection.connect(self._superuser_url, autocommit=True) as connection:
            return await (await connection.execute(query.encode(), parameters or None)).fetchall()


@asynccontextmanager
async def synchronous_pair(folder: Path) -> AsyncGenerator[Pair]:
    """Run a migrated primary and its standby, which is attached. The servers keep their data in `folder`."""
    with PostgreSQL(folder / "primary", durable=False, shared_buffers="16MB") as primary:
        await migrate(primary.url, scripts())
        async with await connect(primary.url, role=None, timeouts=GENEROUS_TIMEOUTS) as owner:
            await ensure_runtime_login(owner, runtime_url_of(primary.url))
        with (primary.folder / "pg_hba.conf").open("a") as rules:
            rules.write(_REPLICATION_RULE)
        await _administer(primary, "select pg_reload_conf()")
        # Otherwise the first use creates the partition of the day, and that commit would wait too.
        await _administer(primary, _PARTITIONS)
        async with Link(primary.sockets) as link:
            await asyncio.to_thread(_copy, primary, folder / "standby", link.port)
            with PostgreSQL(folder / "standby", durable=False, shared_buffers="16MB") as standby:
                pair = Pair(primary, standby, link)
                await _administer(primary, _SYNCHRONOUS)
                await _administer(primary, "select pg_reload_conf()")
                await pair.standby_is_attached()
                try:
                    yield pair
                finally:
                    # The primary ends when its connection to the standby has, which needs a turn of this loop.
                    link.cut()
                    await asyncio.sleep(0.1)


def _copy(primary: PostgreSQL, folder: Path, port: int) -> None:
    """Copy the data of the primary, as an administrator does, for a standby that connects to `port`."""
    programs = find_postgres(Account.own())
    source = ["--host", str(primary.sockets), "--username", SUPERUSER]
    options = ["--checkpoint=fast", "--wal-method=stream", "--no-sync", "--pgdata", str(folder)]
    subprocess.run([programs.folder / "pg_basebackup", *source, *options], check=True, capture_output=True)
    (folder / "standby.signal").touch()
    with (folder / "postgresql.auto.conf").open("a") as settings:
        settings.write(f"primary_conninfo = 'host=127.0.0.1 port={port} user={SUPERUSER} sslmode=disable'\n")
        settings.write("wal_retrieve_retry_interval = '100ms'\n")


async def _administer(server: PostgreSQL, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(server.url_of(DATABASE, SUPERUSER), autocommit=True) as connection:
        await connection.execute(sql.SQL(statement))  # pyright: ignore[reportArgumentType] -- a constant of this file
