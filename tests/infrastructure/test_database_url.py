"""An address of the database that a driver would take apart wrongly is refused, and no part of it is repeated."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.database.url import is_readable

ROOT = Path(__file__).parents[2]
PASSWORD = "sesame", "opens"
TORN_APART = {
    "an @": "postgresql://u:{0}@{1}@127.0.0.1:1/x",
    "a slash": "postgresql://u:{0}/{1}@127.0.0.1:1/x",
    "a percent sign": "postgresql://u:{0}%{1}@127.0.0.1:1/x",
    "a percent sign in a parameter": "postgresql://127.0.0.1:1/x?user=u&password={0}%{1}",
    "a missing slash": "postgresql:/u:{0}{1}@127.0.0.1:1/x",
    "a blank": "host=127.0.0.1 port=1 password={0} {1}",
    "a quote": "host=127.0.0.1 port=1 password='{0}'{1}'",
}
READABLE = {
    "encoded": "postgresql://u:{0}%40%2F%25{1}@127.0.0.1:1/x",
    "a number sign": "postgresql://u:{0}#{1}@127.0.0.1:1/x",
    "a parameter": "postgresql://127.0.0.1:1/x?user=u&password={0}{1}",
    "a quoted blank": "host=127.0.0.1 port=1 password='{0} {1}'",
    "two servers": "postgresql://u:{0}{1}@127.0.0.1:1,[::1]:1/x?target_session_attrs=read-write",
    "a socket": "postgresql://u:{0}{1}@%2Fnowhere/x",
    "a socket in a folder with an @": "host=/nowhere/a@b user=u password={0}{1}",
    "an abstract socket": "host=@nowhere user=u password={0}{1}",
}
COMMANDS = (("app", "serve"), ("workers", "run"), ("eventstore", "check"), ("projections", "status"))
SETTINGS = {"REDIS_URL": "redis://127.0.0.1:1/0", "KEYLEDGER_MASTER_KEY": "A" * 43 + "="}
POOL = """
import asyncio, sys
from infrastructure.database.connections import Timeouts, pool
from infrastructure.log_format import configure_logging
async def main():
    async with pool(sys.argv[1], timeouts=Timeouts(acquire=1.5)) as connections:
        try:
            await connections.getconn()
        except Exception:
            pass
configure_logging()
asyncio.run(main())
"""


def _written(url: str) -> str:
    return url.format(*PASSWORD)


@pytest.mark.parametrize("url", TORN_APART.values(), ids=TORN_APART)
def test_an_address_whose_password_tears_it_apart_is_not_readable(url: str) -> None:
    assert not is_readable(_written(url))


@pytest.mark.parametrize("url", READABLE.values(), ids=READABLE)
def test_any_other_address_is_readable(url: str) -> None:
    assert is_readable(_written(url))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("url", [TORN_APART["an @"], TORN_APART["a percent sign"]], ids=["at", "percent"])
def test_every_program_says_so_without_the_password(url: str, command: tuple[str, str]) -> None:
    environment = {**os.environ, **SETTINGS, "DATABASE_URL": _written(url)}
    environment.pop("KEYLEDGER_MIGRATION_DATABASE_URL", None)
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode in {1, 2}
    assert "is not an address of PostgreSQL" in done.stderr
    assert "DATABASE_URL" in done.stderr
    assert not any(part in done.stdout + done.stderr for part in PASSWORD)


def test_a_migration_says_so_of_the_login_that_runs_the_service(database_url: str) -> None:
    environment = {
        **os.environ,
        "KEYLEDGER_MIGRATION_DATABASE_URL": database_url,
        "DATABASE_URL": _written(TORN_APART["a percent sign"]),
    }
    command = [sys.executable, "-m", "eventstore", "migrate"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("DATABASE_URL is not an address of PostgreSQL")) == (1, True)
    assert not any(part in done.stdout + done.stderr for part in PASSWORD)


@pytest.mark.parametrize("url", READABLE.values(), ids=READABLE)
def test_what_the_pool_says_of_a_server_that_is_away_is_json_without_the_password(url: str) -> None:
    command = [sys.executable, "-c", POOL, _written(url)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert {(line["logger"], line["level"]) for line in lines} == {("psycopg.pool", "warning")}
    assert all({"timestamp", "event"} <= set(line) for line in lines)
    assert not any(part in done.stdout + done.stderr for part in PASSWORD)
