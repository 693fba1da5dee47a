"""Outages and hangs of Valkey and PostgreSQL: what continues, what is refused and how fast, and the recovery."""

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from statistics import quantiles
from typing import NamedTuple

import psycopg
import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.postgres import PostgreSQL
from embedded.processes import wait_for, working_in
from embedded.valkey import Valkey
from tests.app.organizations import Database
from tests.app.serving import Server
from tests.process_tree import children_of
from tests.stories.conftest import StartServer
from tests.stories.faulty_builds import WAITING_MAX
from tests.stories.wire import Wire
from tests.waiting import stretched

CONNECTIONS = 64
HAMMER_SECONDS = 5.0
REQUEST_TIMEOUT_SECONDS = 1.5
"""The default request timeout."""

IN_TIME_SECONDS = 2.0

_ABSENT_USER, _ABSENT = "user_" + "0" * 26, "org_" + "0" * 26

GROWTH_MOST = 50 * 1024 * 1024


Outage = Callable[[PostgreSQL], AbstractContextManager[None]]


class Answered(NamedTuple):
    status: int
    retry_after: str
    seconds: float


@pytest.fixture
def manager(database: Database) -> str:
    _, secret = database.key(database.organization("team"), permissions=Permissions(mcps="*", manage=GRANTS))
    return secret


def _verify(wire: Wire, secret: str) -> Answered:
    began = time.monotonic()
    reply = wire.verify(secret)
    return Answered(reply.status, reply.headers.get(b"retry-after", b"").decode(), time.monotonic() - began)


def _hammer(server: Server, manager: str, seconds: float = HAMMER_SECONDS, pause_seconds: float = 0) -> list[Answered]:
    """Verify repeatedly on many connections, and return all results."""
    over = threading.Event()

    def call(_: int) -> list[Answered]:
        answers: list[Answered] = []
        with Wire(server.port, manager, seconds=20) as wire:
            while not over.is_set():
                answers.append(_verify(wire, manager))
                time.sleep(pause_seconds)
        return answers

    with ThreadPoolExecutor(CONNECTIONS) as callers:
        answered = [callers.submit(call, number) for number in range(CONNECTIONS)]
        over.wait(seconds)
        over.set()
        return [answer for caller in answered for answer in caller.result()]


def _is_ready(server: Server, manager: str) -> tuple[int, dict[str, str]]:
    with Wire(server.port, manager) as wire:
        reply = wire.request("GET", "/health/ready")
    return reply.status, json.loads(reply.content)["data"]["checks"]


def _has_redis(server: Server, manager: str) -> bool:
    return _is_ready(server, manager)[1]["redis"] == "ok"


def _metric(server: Server, manager: str, name: str) -> float:
    """Return the sum of a metric."""
    with Wire(server.port, manager) as wire:
        lines = wire.request("GET", "/metrics").content.decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(f"{name} "))


def _verifies(server: Server, manager: str) -> bool:
    with Wire(server.port, manager) as wire:
        return _verify(wire, manager).status == 200


def _memory(server: Server) -> int:
    """Return the resident memory of the server's processes in bytes."""
    pids = [server.pid, *children_of(server.pid)]
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _stopped(postgres: PostgreSQL) -> Generator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


@contextmanager
def _hanging(postgres: PostgreSQL) -> Generator[None]:
    """Pause all processes of the server: they accept connections but do nothing."""
    pids = working_in(postgres.folder, "postgres")
    try:
        _signal(pids, signal.SIGSTOP)
        yield
    finally:
        _signal(pids, signal.SIGCONT)


def _signal(pids: list[int], number: signal.Signals) -> None:
    """Signal each process that still exists; a backend ends with its connection."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def test_verification_and_management_continue_without_valkey(
    start_server: StartServer, manager: str, valkey: Valkey
) -> None:
    server = start_server(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="")
    assert wait_for(lambda: _has_redis(server, manager), stretched(10))
    valkey.stop()
    try:
        with Wire(server.port, manager) as wire:
            made = wire.post("/v1/api-keys", {"name": "Made without"}).data
            assert wire.verify(made["key"]).data["code"] == "valid"
            assert wire.post(f"/v1/api-keys/{made['id']}/revoke").status == 200
            assert wire.verify(made["key"]).data["code"] == "revoked_key"
        assert wait_for(lambda: not _has_redis(server, manager), stretched(10))
        # A load balancer must not remove a server that can answer, so the missing dependency is reported without a 503.
        assert _is_ready(server, manager)[0] == 200
        # All requests except the denied verification, which no limit counts.
        uncounted = "keyledger_rate_limit_failed_open_total"
        assert wait_for(lambda: _metric(server, manager, uncounted) == 3, stretched(10))
    finally:
        valkey.start()
    assert wait_for(lambda: _has_redis(server, manager), stretched(10))


@pytest.mark.parametrize("outage", [_stopped, _hanging])
def test_without_postgresql_every_verification_is_refused_in_time_and_memory_does_not_grow(
    start_server: StartServer,
    manager: str,
    postgres: PostgreSQL,
    outage: Outage,
) -> None:
    server = start_server(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="")
    _hammer(server, manager, seconds=1)
    before = _memory(server)
    with outage(postgres):
        answers = _hammer(server, manager)
        growth = _memory(server) - before
    seconds = sorted(answer.seconds for answer in answers)
    p99 = quantiles(seconds, n=100)[-1]
    # Shown by `pytest -rP`, and if an assertion below fails.
    sys.stdout.write(f"{len(seconds)} refused, p50 {seconds[len(seconds) // 2]:.2f} s, p99 {p99:.2f} s, ")
    sys.stdout.write(f"{growth / 2**20:.1f} MiB more\n")
    assert {(answer.status, answer.retry_after) for answer in answers} == {(503, "1")}
    assert seconds[-1] < stretched(IN_TIME_SECONDS)
    assert len(answers) >= CONNECTIONS
    assert growth < GROWTH_MOST
    # The service recovers without a restart.
    assert wait_for(lambda: _verifies(server, manager), stretched(10))
    assert wait_for(lambda: _is_ready(server, manager)[0] == 200, stretched(10))


@pytest.mark.parametrize("outage", [_stopped, _hanging])
def test_without_postgresql_management_requests_are_refused_in_time(
    start_server: StartServer, manager: str, postgres: PostgreSQL, outage: Outage
) -> None:
    server = start_server(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="")
    with Wire(server.port, manager, seconds=20) as wire:
        assert wire.request("GET", "/v1/api-keys").status == 200
        with outage(postgres):
            for method, path, body in [
                ("GET", "/v1/api-keys", None),
                ("POST", "/v1/api-keys", {"name": "Never"}),
                (
                    "POST",
                    "/v1/api-keys/revoke",
                    {"created_by": _ABSENT_USER, "reason": "compromised", "dry_run": False},
                ),
                ("GET", f"/v1/auth/check?organization_id={_ABSENT}", None),
                ("POST", "/v1/mcp/invoke", {"mcp_id": "mcp_" + "0" * 26, "tool": "add"}),
                ("GET", "/health/ready", None),
            ]:
                began = time.monotonic()
                reply = wire.request(method, path, body)
                assert reply.status == 503, reply.content
                assert path == "/health/ready" or reply.headers[b"retry-after"] == b"1", path
                assert time.monotonic() - began < stretched(IN_TIME_SECONDS), path
            assert wire.request("GET", "/health/live").status == 200

        def makes() -> bool:
            return wire.post("/v1/api-keys", {"name": "Again"}).status == 201

        assert wait_for(makes, stretched(10))
        names = [key["name"] for key in wire.request("GET", "/v1/api-keys").data]
        assert "Never" not in names


def test_verifications_beyond_the_queue_limit_are_refused_immediately(
    start_server: StartServer, manager: str, postgres: PostgreSQL
) -> None:
    server = start_server("tests.stories.faulty_builds", "short_queue", KEYLEDGER_REQUEST_TIMEOUT_SECONDS="")
    with _hanging(postgres):
        answers = _hammer(server, manager, seconds=3, pause_seconds=0.2)
    assert {(answer.status, answer.retry_after) for answer in answers} == {(503, "1")}
    # The permitted number of verifications wait, in addition to two running batches. All others are refused
    # immediately, which the service counts. Response times would depend on the load of the machine.
    assert sum(answer.seconds > 1 for answer in answers) >= WAITING_MAX
    assert wait_for(lambda: _verifies(server, manager), stretched(10))
    refused = "keyledger_group_commit_refused_total"
    assert wait_for(lambda: _metric(server, manager, refused) > len(answers) / 2, stretched(10))
    # With a working database, a short queue is enough for many callers.
    answers = _hammer(server, manager, seconds=1)
    assert sum(answer.status == 200 for answer in answers) > len(answers) // 10


def test_a_running_change_is_answered_in_time_if_postgresql_hangs(
    start_server: StartServer, manager: str, postgres: PostgreSQL, database_url: str
) -> None:
    server = start_server(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="")
    with ThreadPoolExecutor(1) as caller, psycopg.connect(database_url) as holder:
        holder.execute("select from organization_guard for update")
        with Wire(server.port, manager, seconds=20) as wire:
            began = time.monotonic()
            pending = caller.submit(wire.post, "/v1/api-keys", {"name": "Waits for the guard"})
            with psycopg.connect(database_url, autocommit=True) as seen:
                assert wait_for(lambda: _waits_for_a_lock(seen), stretched(5))
            with _hanging(postgres):
                reply = pending.result()
                seconds = time.monotonic() - began
        holder.rollback()
    assert (reply.status, reply.headers[b"retry-after"]) == (503, b"1")
    assert seconds < stretched(2 * REQUEST_TIMEOUT_SECONDS + IN_TIME_SECONDS)
    assert wait_for(lambda: _verifies(server, manager), stretched(20))


def _waits_for_a_lock(connection: psycopg.Connection) -> bool:
    waiting = connection.execute("select count(*) from pg_stat_activity where wait_event_type = 'Lock'").fetchone()
    return waiting is not None and waiting[0] > 0
