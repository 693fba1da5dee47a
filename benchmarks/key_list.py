"""`python -m benchmarks.key_list`: latency of lists in an organization of a million keys, and in one of a thousand.

Reports median and 99th percentile in milliseconds over HTTP, one request at a time, to one API process. Both
organizations are in one database that passes `python -m eventstore check`. PostgreSQL, the API and this client share
the machine.
"""

import argparse
import asyncio
import base64
import http.client
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlencode

from app.http.pagination import CursorPosition
from benchmarks.many_keys import APART, People, fill
from benchmarks.serving import Serving, serving
from benchmarks.targets import Target, print_targets
from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.postgres import PostgreSQL
from infrastructure.clock import now
from infrastructure.cursors import CursorSigner
from infrastructure.database.connections import connect, pool
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from projections.read_models.keys.list.filters import Filters
from tests import seed

_P99_MS = 50.0
"""The limit that lists of a million keys must meet as well."""


@dataclass(frozen=True, slots=True)
class Filled:
    """An organization with many keys, a key that manages it, and the parameters of its list requests."""

    organization_id: str
    secret: str
    keys: int
    mcp_id: str
    people: People
    some_key: str
    last_page: str
    """A cursor to the last page of the list, newest first."""


Query = Callable[[Filled, int], tuple[str, Mapping[str, object]]]
"""Path and parameters of the n-th request of a kind."""


def _keys(**parameters: object) -> Query:
    return lambda _filled, _turn: ("/v1/api-keys", parameters)


def _events(**parameters: object) -> Query:
    return lambda _filled, _turn: ("/v1/audit/events", parameters)


KINDS: dict[str, Query] = {
    "first page": _keys(),
    "first page of 100": _keys(per_page=100),
    "last page by cursor": lambda filled, _: ("/v1/api-keys", {"cursor": filled.last_page}),
    "oldest first": _keys(order="asc"),
    "page 500": _keys(page=500),
    "by name": _keys(sort="name"),
    "by expiry": _keys(sort="expires_at"),
    "by last use": _keys(sort="last_used"),
    "never used first": _keys(sort="last_used", order="asc"),
    "active": _keys(status="active"),
    "revoked (the oldest fifth)": _keys(status="revoked"),
    "revoked by last use": _keys(status="revoked", sort="last_used"),
    "disabled by name": _keys(status="disabled", sort="name"),
    "expired (none)": _keys(status="expired"),
    "test keys": _keys(environment="test"),
    "search by prefix": lambda _, turn: ("/v1/api-keys", {"q": f"pk_live_{turn:04x}"}),
    "search by a short prefix": lambda _, turn: ("/v1/api-keys", {"q": f"pk_live_{turn % 256:02x}"}),
    "search by name, few": lambda filled, turn: ("/v1/api-keys", {"q": f"deploy-{filled.keys - 1 - turn}"}),
    "search by name, all": _keys(q="deploy"),
    "search by name, all, revoked": _keys(q="deploy", status="revoked"),
    "by one creator, few keys": lambda filled, _: ("/v1/api-keys", {"created_by": filled.people.occasional}),
    "by one creator, most keys": lambda filled, _: ("/v1/api-keys", {"created_by": filled.people.owner}),
    "by a former member": lambda filled, _: ("/v1/api-keys", {"created_by": filled.people.left}),
    "by a former member, by name": lambda filled, _: (
        "/v1/api-keys",
        {"created_by": filled.people.left, "sort": "name"},
    ),
    "for one MCP": lambda filled, _: ("/v1/api-keys", {"mcp_id": filled.mcp_id}),
    "for one MCP, by name": lambda filled, _: ("/v1/api-keys", {"mcp_id": filled.mcp_id, "sort": "name"}),
    "expiring in 7 days": _keys(expiring_within_days=7),
    "expiring in 2,500 days": _keys(expiring_within_days=2_500),
    "unused for 3 days": _keys(unused_for_days=3),
    "unused for 3 days, by last use": _keys(unused_for_days=3, sort="last_used"),
    "detail": lambda filled, _: (f"/v1/api-keys/{filled.some_key}", {}),
    "activity": lambda filled, _: (f"/v1/api-keys/{filled.some_key}/activity", {}),
    "audit: newest": _events(),
    "audit: by type": _events(type="api_key.revoked"),
    "audit: by actor": lambda filled, _: ("/v1/audit/events", {"actor": filled.people.left}),
    "audit: of one key": lambda filled, _: ("/v1/audit/events", {"key_id": filled.some_key}),
    "audit: by address and type": _events(ip="192.0.2.7", type="api_key.disabled"),
    "audit: a day long ago": lambda filled, _: ("/v1/audit/events", _long_ago(filled)),
}


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.key_list", description=__doc__)
    parser.add_argument("--keys", type=int, nargs="+", default=[1_000, 1_000_000], help="keys of each organization")
    parser.add_argument("--requests", type=int, default=100, help="of each kind (default 100)")
    parser.add_argument("--no-check", action="store_true", help="leave out the check of the log, which takes minutes")
    options = parser.parse_args(arguments)
    with (
        tempfile.TemporaryDirectory(prefix="keyledger-bench-") as name,
        PostgreSQL(Path(name) / "data", shared_buffers="1GB") as server,
    ):
        return _measure(server.url, Path(name), options)


def _measure(url: str, folder: Path, options: argparse.Namespace) -> int:
    asyncio.run(migrate(url, scripts()))
    master_key = os.urandom(32)
    began = time.monotonic()
    filled = [asyncio.run(_filled(url, keys, master_key)) for keys in options.keys]
    print(f"seeded {' and '.join(f'{keys:,}' for keys in options.keys)} keys in {time.monotonic() - began:.0f} s")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True)
    with serving(url, 1, folder / "api.log", master_key=base64.b64encode(master_key).decode()) as api:
        slowest = _table(api, filled, options.requests)
    if not options.no_check:
        environment = {**os.environ, "DATABASE_URL": url}
        subprocess.run([sys.executable, "-m", "eventstore", "check"], check=True, env=environment)
    print_targets(
        Target(
            f"99th percentile of '{kind}', the slowest of {len(KINDS)} kinds at {keys:,} keys",
            p99,
            _P99_MS,
            " ms",
            at_least=False,
        )
        for keys, (p99, kind) in slowest.items()
    )
    return 0


async def _filled(url: str, keys: int, master_key: bytes) -> Filled:
    async with pool(url) as connections:
        organization_id = await seed.organization(connections, "enterprise")
        mcps = [await seed.mcp(connections, organization_id) for _ in range(20)]
    at = now()
    async with await connect(url, role=None) as connection:
        await connection.execute(b"set statement_timeout = 0")
        people = await fill(connection, organization_id, keys, mcps, at)
        await connection.execute(b"vacuum (analyze)")
        cursor = await connection.execute(
            b"select created_at::text, key_id from key_list where organization_id = %s"
            b" order by environment, created_at, key_id limit 1",
            (organization_id,),
        )
        some_key = (await cursor.fetchone() or ("", ""))[1]
        cursor = await connection.execute(
            b"select created_at::text, key_id from key_list where organization_id = %s"
            b" order by created_at, key_id offset 20 limit 1",
            (organization_id,),
        )
        value, key_id = await cursor.fetchone() or ("", "")
    async with pool(url) as connections:
        _, secret = await seed.key(connections, organization_id, permissions=Permissions(mcps="*", manage=GRANTS))
    # A client gets this cursor page by page. It is made here as the last page but one would return it.
    purpose = f"keys {Filters(organization_id)} created_at desc"
    last_page = CursorSigner([master_key]).encode(CursorPosition(value, key_id), purpose=purpose)
    return Filled(organization_id, secret.reveal(), keys, mcps[0], people, some_key, last_page)


def _long_ago(filled: Filled) -> dict[str, object]:
    """Return a day in the first tenth of the organization's history."""
    since: datetime = now() - APART * filled.keys * 0.95
    return {"from": since.isoformat(), "to": (since + timedelta(days=1)).isoformat()}


def _table(api: Serving, filled: list[Filled], requests: int) -> dict[int, tuple[float, str]]:
    """Print one line for each kind. Return the longest 99th percentile and its kind by number of keys."""
    heads = [f"{each.keys:,} keys: p50 / p99 ms" for each in filled]
    print(f"\n{'':<34} {'total':>12} " + " ".join(f"{head:>30}" for head in heads))
    slowest: dict[int, tuple[float, str]] = {}
    for kind, query in KINDS.items():
        figures: list[str] = []
        total: Any = None
        for each in filled:
            times, total = _times(api, each, query, requests)
            p99 = quantiles(times, n=100)[98]
            figures.append(f"{median(times):>21.1f} / {p99:>6.1f}")
            slowest[each.keys] = max(slowest.get(each.keys, (0.0, "")), (p99, kind))
        print(f"{kind:<34} {total!s:>12} " + " ".join(figures), flush=True)
    return slowest


def _times(api: Serving, filled: Filled, query: Query, requests: int) -> tuple[list[float], object]:
    """Return the milliseconds of each request after five warm-up requests, and the total of the last response."""
    connection = http.client.HTTPConnection(api.url.removeprefix("http://"), timeout=30)
    times: list[float] = []
    total: object = ""
    for turn in range(requests + 5):
        path, parameters = query(filled, turn)
        began = time.perf_counter()
        connection.request(
            "GET", f"{path}?{urlencode(parameters)}", headers={"Authorization": f"Bearer {filled.secret}"}
        )
        answer = connection.getresponse()
        content = answer.read()
        times.append((time.perf_counter() - began) * 1_000)
        if answer.status != http.HTTPStatus.OK:
            raise RuntimeError(f"{path} {parameters}: {content.decode()}")
        if turn == requests + 4 and "pagination" in (decoded := json.loads(content)):
            pagination = decoded["pagination"]
            total = pagination["total"] if pagination.get("total_exact", True) else f"≥ {pagination['total']}"
    connection.close()
    return times[5:], "" if total is None else total


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
