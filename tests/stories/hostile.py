"""Hostile load: clients that hang up, stall, never read or compete for one key, while servers are paused and killed.

Well-behaved callers (`tests/stories/acknowledged.py`) run at the same time and record acknowledged requests. A probe
compares readiness with the result of a verification, and records long contradictions.
"""

import asyncio
import json
import os
import random
import signal
import socket
import struct
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import psycopg

from embedded.postgres import PostgreSQL
from embedded.processes import working_in
from embedded.valkey import Valkey
from tests.process_tree import children_of
from tests.stories.wire import Wire
from tests.waiting import stretched

CLIENTS = 24
ROTATIONS_AT_ONCE = 8
DISTURBANCES = ("pause postgresql", "pause valkey", "terminate", "kill backend", "kill api process", "lock", "none")

_CONTRADICTION_SECONDS = 10.0
"""The time in which readiness must agree with the results of callers on an otherwise idle machine."""

_UNKNOWN_KEY = "key_00000000000000000000000000"


@dataclass
class Findings:
    """The results. `internal_errors`: the path and the beginning of each response with status 500."""

    statuses: Counter[int] = field(default_factory=Counter[int])
    abandoned: int = 0
    internal_errors: list[str] = field(default_factory=list[str])
    contradictions: list[str] = field(default_factory=list[str])
    disturbances: Counter[str] = field(default_factory=Counter[str])


@dataclass(frozen=True)
class Target:
    """The target of the load: a loopback port, a key with all grants, and keys to rotate and verify."""

    port: int
    manager: str
    keys: tuple[tuple[str, str], ...]
    """Ids and secrets. Many clients rotate the first key at the same time."""


class Clients:
    """Hostile clients on one event loop, until a given time."""

    def __init__(self, target: Target, findings: Findings, seed: int) -> None:
        self._target = target
        self._findings = findings
        self._seed = seed
        self._over = asyncio.Event()

    async def run(self, stop_at: float) -> None:
        clients = [
            asyncio.create_task(self._client(random.Random(self._seed + number)))  # noqa: S311 -- no secret
            for number in range(CLIENTS)
        ]
        clients.append(asyncio.create_task(self._rotate_together()))
        await asyncio.sleep(max(0.0, stop_at - time.monotonic()))
        self._over.set()
        await asyncio.gather(*clients)

    async def _client(self, dice: random.Random) -> None:
        behaviours = (
            self._sends_request,
            self._hangs_up,
            self._hangs_up,
            self._stops_half_way,
            self._never_reads,
            self._drips,
        )
        while not self._over.is_set():
            with suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                await dice.choice(behaviours)(dice)
            await asyncio.sleep(dice.uniform(0, 0.1))

    async def _sends_request(self, dice: random.Random) -> None:
        method, path, body = self._request(dice)
        await self._exchange(method, path, body)

    async def _hangs_up(self, dice: random.Random) -> None:
        """Send a complete request and close the connection before or during the response, sometimes with a reset."""
        method, path, body = self._request(dice)
        async with self._connection(reset=dice.random() < 0.5) as (_, writer):
            writer.write(self._bytes(method, path, body))
            await writer.drain()
            await asyncio.sleep(dice.choice((0.0, dice.uniform(0, 0.02), dice.uniform(0, 0.3), dice.uniform(0, 2.5))))
        self._findings.abandoned += 1

    async def _stops_half_way(self, dice: random.Random) -> None:
        method, path, body = self._request(dice)
        sent = self._bytes(method, path, body)
        async with self._connection(reset=dice.random() < 0.5) as (_, writer):
            writer.write(sent[: dice.randrange(1, len(sent))])
            await writer.drain()
            await asyncio.sleep(dice.uniform(0, 3))
        self._findings.abandoned += 1

    async def _never_reads(self, dice: random.Random) -> None:
        """Request a long response with a small receive window, and read nothing of it."""
        async with self._connection(reset=dice.random() < 0.5, window=2_048) as (_, writer):
            writer.write(self._bytes("GET", "/v1/audit/export?format=jsonl", None) * dice.randrange(1, 4))
            await writer.drain()
            await asyncio.sleep(dice.uniform(0, 4))
        self._findings.abandoned += 1

    async def _drips(self, dice: random.Random) -> None:
        """Send a request in small pieces, and read the response."""
        method, path, body = self._request(dice)
        sent = self._bytes(method, path, body)
        async with self._connection() as (reader, writer):
            size = max(1, len(sent) // 12)
            for start in range(0, len(sent), size):
                writer.write(sent[start : start + size])
                await writer.drain()
                await asyncio.sleep(dice.uniform(0, 0.3))
            await self._note(path, reader)

    async def _rotate_together(self) -> None:
        """Repeatedly rotate one key from many connections at the same time."""
        path = f"/v1/api-keys/{self._target.keys[0][0]}/rotate"
        while not self._over.is_set():
            await asyncio.gather(
                *[self._exchange("POST", path, {"overlap_seconds": 3_600}) for _ in range(ROTATIONS_AT_ONCE)],
                return_exceptions=True,
            )
            await asyncio.sleep(1)

    async def _exchange(self, method: str, path: str, body: object) -> None:
        async with self._connection() as (reader, writer):
            writer.write(self._bytes(method, path, body))
            await writer.drain()
            await self._note(path, reader)

    async def _note(self, path: str, reader: asyncio.StreamReader) -> None:
        async with asyncio.timeout(stretched(60)):
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head.split(b" ", 2)[1])
            self._findings.statuses[status] += 1
            if status == 500:
                self._findings.internal_errors.append(f"{path}: {(await reader.read(500)).decode(errors='replace')}")

    @asynccontextmanager
    async def _connection(
        self, *, reset: bool = False, window: int | None = None
    ) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
        """Connect, and close the connection at the end, with `reset` by a TCP reset."""
        connection = socket.socket()
        connection.setblocking(False)
        if window is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        try:
            async with asyncio.timeout(stretched(10)):
                await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", self._target.port))
        except BaseException:
            connection.close()
            raise
        reader, writer = await asyncio.open_connection(sock=connection)
        try:
            yield reader, writer
        finally:
            if reset:
                with suppress(OSError):
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def _bytes(self, method: str, path: str, body: object) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {self._target.manager}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        )
        return head.encode() + content

    def _request(self, dice: random.Random) -> tuple[str, str, object]:
        """Draw a request at random: uses, changes, lists and reports."""
        key_id, secret = dice.choice(self._target.keys)
        path = f"/v1/api-keys/{key_id}"
        choices: tuple[tuple[str, str, object], ...] = (
            ("POST", "/v1/api-keys/verify", {"key": secret}),
            ("POST", "/v1/api-keys/verify", {"key": secret, "tool": "search"}),
            ("GET", f"/v1/auth/check?mcp_id=mcp_{'0' * 26}", None),
            ("POST", f"{path}/rotate", {"overlap_seconds": 600}),
            ("POST", f"{path}/rotate", {}),
            ("PATCH", path, {"name": f"Renamed {dice.randrange(100)}"}),
            ("POST", f"{path}/disable", None),
            ("POST", f"{path}/enable", None),
            ("POST", "/v1/api-keys", {"name": "Short-lived", "expires_in_days": 1}),
            ("POST", "/v1/api-keys/revoke", {"ids": [key_id], "reason": "unspecified", "dry_run": True}),
            ("GET", "/v1/api-keys?per_page=100", None),
            ("GET", path, None),
            ("GET", f"{path}/activity", None),
            ("GET", f"{path}/usage?period=day", None),
            ("GET", "/v1/usage", None),
            ("GET", "/v1/audit/events", None),
            ("GET", f"/v1/api-keys/{_UNKNOWN_KEY}", None),
            ("GET", "/health/ready", None),
        )
        return dice.choice(choices)


class Disturbances:
    """Pauses and kills of processes that the service depends on, and of its own."""

    def __init__(
        self,
        postgres: PostgreSQL,
        superuser_url: str,
        valkey: Valkey,
        api_pid: Callable[[], int],
        findings: Findings,
    ) -> None:
        self._postgres = postgres
        self._superuser_url = superuser_url
        self._valkey = valkey
        self._api_pid = api_pid
        self._findings = findings

    def disturb(self, dice: random.Random) -> str:
        """Carry out one disturbance, drawn from `dice`, and return its name."""
        kind = dice.choice(DISTURBANCES)
        seconds = dice.choice((0.2, 1.0, 2.5, 5.0))
        match kind:
            case "pause postgresql":
                self._paused(working_in(self._postgres.folder, "postgres"), seconds)
            case "pause valkey":
                process = self._valkey.process
                self._paused([] if process is None else [process.pid], seconds)
            case "terminate":
                self._terminate(dice.randrange(1, 12))
            case "kill backend":
                process = self._postgres.process
                pids = working_in(self._postgres.folder, "postgres")
                _kill_one([pid for pid in pids if process is not None and pid != process.pid], dice)
            case "kill api process":
                _kill_one(children_of(self._api_pid()), dice)
            case "lock":
                self._lock(seconds)
            case _:
                time.sleep(seconds)
        self._findings.disturbances[kind] += 1
        return kind

    @staticmethod
    def _paused(pids: list[int], seconds: float) -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        try:
            time.sleep(seconds)
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    def _terminate(self, count: int) -> None:
        with suppress(psycopg.Error), psycopg.connect(self._superuser_url, autocommit=True) as connection:
            for _ in range(count):
                connection.execute(
                    "select pg_terminate_backend(pid) from pg_stat_activity"
                    " where application_name = 'keyledger' and pid <> pg_backend_pid() order by random() limit 1"
                )
                time.sleep(0.05)

    def _lock(self, seconds: float) -> None:
        """Hold a lock that every change in an organization waits for."""
        with suppress(psycopg.Error), psycopg.connect(self._superuser_url) as connection:
            connection.execute("set lock_timeout = '2s'")
            connection.execute("select from organization_guard for update")
            time.sleep(seconds)
            connection.rollback()


class ReadinessCheck:
    """A comparison of readiness with the results of callers."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._wrongly_ready_since: float | None = None
        self._wrongly_unready_since: float | None = None

    def note(self, *, ready: bool, verifies: bool) -> None:
        """Record one readiness result and one verification result, obtained directly after each other."""
        now = time.monotonic()
        self._wrongly_ready_since = self._since(self._wrongly_ready_since, now, holds=ready and not verifies)
        self._wrongly_unready_since = self._since(self._wrongly_unready_since, now, holds=not ready and verifies)
        for since, contradiction in (
            (self._wrongly_ready_since, "ready, but no verification succeeded"),
            (self._wrongly_unready_since, "not ready, but every verification succeeded"),
        ):
            if since is not None and now - since > stretched(_CONTRADICTION_SECONDS):
                self._findings.contradictions.append(f"for {now - since:.0f} s the state was: {contradiction}")

    @staticmethod
    def _since(since: float | None, now: float, *, holds: bool) -> float | None:
        return (since or now) if holds else None


def probe_until(target: Target, findings: Findings, stop_at: float) -> None:
    """Repeatedly request readiness and a verification until `stop_at`."""
    check = ReadinessCheck(findings)
    while time.monotonic() < stop_at:
        check.note(ready=_status(target, "GET", "/health/ready") == 200, verifies=_verifies(target))
        time.sleep(0.5)


def _verifies(target: Target) -> bool:
    return _status(target, "POST", "/v1/api-keys/verify", {"key": target.manager}) == 200


def _status(target: Target, method: str, path: str, body: object = None) -> int | None:
    try:
        with Wire(target.port, target.manager, seconds=stretched(5)) as wire:
            return wire.request(method, path, body).status
    except OSError:
        return None


def _kill_one(pids: list[int], dice: random.Random) -> None:
    if pids:
        with suppress(ProcessLookupError):
            os.kill(dice.choice(pids), signal.SIGKILL)
