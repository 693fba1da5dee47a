"""The API in separate processes, with the database of the test, and a folder for programs of other accounts."""

import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Protocol

import pytest

from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from tests.app.organizations import Database
from tests.app.serving import Server
from tests.waiting import GENEROUS_TIMEOUTS


@pytest.fixture(scope="module")
def open_folder() -> Iterator[Path]:
    """A folder that every account can enter, unlike those of pytest."""
    folder = Path(tempfile.mkdtemp(prefix="keyledger-open-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class StartServer(Protocol):
    def __call__(self, *module: str, **settings: str) -> Server: ...


@pytest.fixture
def start_server(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[StartServer]:
    """Start the API with these settings, or another program that takes them. It is stopped after the test."""
    with ExitStack() as stack:

        def start(*module: str, **settings: str) -> Server:
            log = tmp_path / f"{'-'.join(module) or 'api'}.log"
            settings = {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "15", **settings}  # generous, for busy machines
            server = Server(database_url, redis_url, log, settings, module or ("app", "serve"))
            stack.callback(server.stop)
            server.start()
            return server

        yield start


@pytest.fixture
async def connections(database_url: str) -> AsyncIterator[Pool]:
    """Connections to the database of the test with the role of the workers."""
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as opened:
        yield opened


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    """The database of the test, to create organizations and keys in and to query."""
    with closing(Database(database_url)) as opened:
        yield opened
