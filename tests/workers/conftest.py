"""Worker processes as an operator starts them, and access to the log and to Valkey."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from tests.app.organizations import Api, Database
from tests.app.serving import Server
from tests.corruption import owner  # noqa: F401  # pyright: ignore[reportUnusedImport] -- a fixture
from tests.logins import runtime_url_of
from tests.programs import Running, start_program
from tests.waiting import GENEROUS_TIMEOUTS
from tests.workers.valkey_view import View
from workers.jobs import detect_anomalies

Start = Callable[..., Running]


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
def no_settle_delay(monkeypatch: pytest.MonkeyPatch) -> None:
    """Evaluate a signal of an anomaly as soon as it is recorded."""
    monkeypatch.setattr(detect_anomalies, "SETTLE_DELAY", timedelta(0))


@pytest.fixture
def view(redis_url: str) -> Iterator[View]:
    opened = View(redis_url)
    yield opened
    opened.client.close()


@pytest.fixture
def api(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """A running API that uses the same database and Valkey as the workers."""
    server = Server(database_url, redis_url, tmp_path / "api.log", {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "15"})
    server.start()
    try:
        with closing(Database(database_url)) as database, httpx2.Client(base_url=server.url) as http:
            yield Api(server, database, http)
    finally:
        server.stop()


@pytest.fixture
def start(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Start]:
    """Start `python -m workers <arguments>`. Its log goes to `<tmp_path>/<number>.log`, unless `standard_error`, a
    redirection of bash, sends it elsewhere. Every process ends with the test.
    """
    started: list[Running] = []

    def start_one(*arguments: str, workers: int = 1, standard_error: str = "", **settings: str) -> Running:
        environment = {
            **os.environ,
            "DATABASE_URL": runtime_url_of(database_url),
            "REDIS_URL": redis_url,
            "WORKERS": str(workers),
            **settings,
        }
        log = tmp_path / f"{len(started)}.log"
        process = start_program(["workers", *arguments], environment, log, redirection=standard_error)
        started.append(process)
        return process

    yield start_one
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
