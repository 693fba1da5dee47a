"""`python -m benchmarks.import_keys`: 100,000 keys are imported by the command line, interrupted, resumed and repeated.

Another key is verified meanwhile, one request at a time, because an import must not delay verification. The first run
is interrupted (SIGINT) when half of the keys exist. Fails if a key is missing or exists twice, if an imported secret is
refused, or if `python -m eventstore check` finds a contradiction.
"""

import argparse
import asyncio
import csv
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from hashlib import sha256
from pathlib import Path
from statistics import quantiles
from threading import Event, Thread
from typing import Self

import httpx2

from benchmarks.serving import serving
from benchmarks.targets import Target, print_targets
from domain.keys.permissions import Permissions
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from tests.app.organizations import Database

_RATE = 200.0
_P99_MS = 100.0
_CHECKED = 200
_WITH_SIGINT = (
    "import os, signal, sys; signal.signal(signal.SIGINT, signal.SIG_DFL); os.execv(sys.argv[1], sys.argv[1:])"
)
_CLIENT = Path(__file__).parents[1] / "clients/python/src"


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.import_keys", description=__doc__)
    parser.add_argument("--keys", type=int, default=100_000, help="keys to import (default 100000)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="keyledger-import-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            os.environ["REDIS_URL"] = valkey.url
            asyncio.run(migrate(postgres.url, scripts()))
            with closing(Database(postgres.url)) as database, serving(postgres.url, 2, folder / "api.log") as api:
                organization_id = database.organization("enterprise")
                grants = Permissions(mcps="*", manage=("keys:write", "keys:read", "keys:verify"))
                _, manager = database.key(organization_id, permissions=grants)
                return _measure(api.url, manager, postgres.url, database, folder, options.keys)


def _measure(url: str, manager: str, database_url: str, database: Database, folder: Path, keys: int) -> int:
    issued = [f"old_{secrets.token_urlsafe(24)}" for _ in range(keys)]
    file = folder / "keys.csv"
    with file.open("w", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(("name", "sha256", "prefix"))
        writer.writerows(
            (f"Key {number}", sha256(each.encode()).hexdigest(), "old_") for number, each in enumerate(issued)
        )
    command = _Command(url, manager, file)
    headers = {"Authorization": f"Bearer {manager}"}
    with httpx2.Client(base_url=url, headers=headers) as client, _Verifying(client, manager) as verifying:
        first = command.interrupted(lambda: _keys(database), keys // 2)
        halfway = _keys(database)
        second, resumed = command.run()
        third, repeated = command.run()
    with httpx2.Client(base_url=url, headers=headers) as client:
        accepted = sum(_is_valid(client, secret) for secret in issued[:: max(1, keys // _CHECKED)])
    found = _keys(database)
    checked = subprocess.run(
        [sys.executable, "-m", "eventstore", "check"], env={**os.environ, "DATABASE_URL": database_url}, check=False
    )
    rate = (keys - halfway) / second
    p99 = verifying.p99_ms
    print(f"interrupted after {halfway:,} keys and {first:.1f} s: {halfway / first:,.0f} keys/s")
    print(f"resumed: {keys - halfway:,} keys in {second:.1f} s: {rate:,.0f} keys/s; {resumed}")
    print(f"repeated: {third:.1f} s; {repeated}")
    print(f"{verifying.count:,} verifications meanwhile, 99 % within {p99:.0f} ms; {accepted} imported keys accepted")
    print_targets(
        [
            Target("imported keys per second", rate, _RATE),
            Target("verification during an import, p99", p99, _P99_MS, " ms", at_least=False),
        ]
    )
    is_correct = found == keys and accepted == len(issued[:: max(1, keys // _CHECKED)]) and checked.returncode == 0
    return 0 if is_correct and 0 < halfway < keys else 1


def _is_valid(client: httpx2.Client, secret: str) -> bool:
    valid: bool = client.post("/v1/api-keys/verify", json={"key": secret}).json()["data"]["valid"]
    return valid


def _keys(database: Database) -> int:
    ((number,),) = database.rows("select keys_active - 1 from organization_guard where keys_active > 0")
    return int(number)


class _Command:
    """`keyledger keys import` of a file."""

    def __init__(self, url: str, manager: str, file: Path) -> None:
        self._words = [sys.executable, "-m", "keyledger", "keys", "import", str(file), "--all-mcps", "--yes", "--json"]
        settings = {"KEYLEDGER_URL": url, "KEYLEDGER_ADMIN_KEY": manager, "PYTHONPATH": str(_CLIENT)}
        self._environment = {**os.environ, **settings}

    def run(self) -> tuple[float, str]:
        """Return how long the import took, in seconds, and its report."""
        started = time.monotonic()
        ran = subprocess.run(self._words, env=self._environment, stdout=subprocess.PIPE, text=True, check=True)
        return time.monotonic() - started, ran.stdout.strip()

    def interrupted(self, imported: Callable[[], int], number: int) -> float:
        """Interrupt the import when `number` keys exist, and return how long it ran."""
        started = time.monotonic()
        # A shell that starts this program in the background lets it ignore SIGINT, and its children inherit that.
        words = [sys.executable, "-c", _WITH_SIGINT, *self._words]
        with subprocess.Popen(words, env=self._environment, stdout=subprocess.DEVNULL) as importing:
            while imported() < number:
                time.sleep(0.05)
            importing.send_signal(signal.SIGINT)
        return time.monotonic() - started


class _Verifying:
    """A thread that verifies a key again and again, and measures how long each verification takes."""

    def __init__(self, client: httpx2.Client, secret: str) -> None:
        self._client = client
        self._secret = secret
        self._ended = Event()
        self._seconds: list[float] = []
        self._thread = Thread(target=self._verify)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    @property
    def count(self) -> int:
        return len(self._seconds)

    @property
    def p99_ms(self) -> float:
        return quantiles(self._seconds, n=100)[-1] * 1000

    def _verify(self) -> None:
        while not self._ended.is_set():
            started = time.monotonic()
            if not _is_valid(self._client, self._secret):
                raise RuntimeError("A valid key was refused during the import")
            self._seconds.append(time.monotonic() - started)
            time.sleep(0.005)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
