"""A database URL that a driver would parse wrongly is refused, without quoting any part of it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from infrastructure.database.url import is_readable
from tests.programs import run_program

ROOT = Path(__file__).parents[2]
PASSWORD = "sesame", "opens"
AMBIGUOUS = {
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


def _formatted(url: str) -> str:
    return url.format(*PASSWORD)


@pytest.mark.parametrize("url", AMBIGUOUS.values(), ids=AMBIGUOUS)
def test_a_url_with_an_unencoded_password_is_not_readable(url: str) -> None:
    assert not is_readable(_formatted(url))


@pytest.mark.parametrize("url", READABLE.values(), ids=READABLE)
def test_any_other_url_is_readable(url: str) -> None:
    assert is_readable(_formatted(url))


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("url", [AMBIGUOUS["an @"], AMBIGUOUS["a percent sign"]], ids=["at", "percent"])
def test_every_command_refuses_the_url_without_quoting_the_password(url: str, command: tuple[str, str]) -> None:
    result = run_program(*command, environment={**SETTINGS, "DATABASE_URL": _formatted(url)})
    assert result.returncode in {1, 2}
    assert "is not an address of PostgreSQL" in result.stderr
    assert "DATABASE_URL" in result.stderr
    assert not any(part in result.stdout + result.stderr for part in PASSWORD)


def test_migrate_refuses_an_ambiguous_url_of_the_service(database_url: str) -> None:
    runtime_url = _formatted(AMBIGUOUS["a percent sign"])
    environment = {"KEYLEDGER_MIGRATION_DATABASE_URL": database_url, "DATABASE_URL": runtime_url}
    result = run_program("eventstore", "migrate", environment=environment)
    assert (result.returncode, result.stderr.startswith("DATABASE_URL is not an address of PostgreSQL")) == (1, True)
    assert not any(part in result.stdout + result.stderr for part in PASSWORD)


@pytest.mark.parametrize("url", READABLE.values(), ids=READABLE)
def test_the_pool_logs_an_unreachable_server_as_json_without_the_password(url: str) -> None:
    command = [sys.executable, "-c", POOL, _formatted(url)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in result.stderr.splitlines()]
    assert {(line["logger"], line["level"]) for line in lines} == {("psycopg.pool", "warning")}
    assert all({"timestamp", "event"} <= set(line) for line in lines)
    assert not any(part in result.stdout + result.stderr for part in PASSWORD)
