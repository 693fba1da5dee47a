"""APIs for the tests of a pytest process or of a single module. Each is searched for secrets at the end."""

from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from itertools import count
from pathlib import Path
from typing import Protocol

import httpx2
import pytest

from embedded.postgres import SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from tests.app.leak_scan import refuse_secrets
from tests.app.organizations import Api, Database, Organization
from tests.app.scopes import MATRIX_SIZE
from tests.app.serving import Server
from tests.databases import new_database

_numbers = count(1)


class StartApi(Protocol):
    def __call__(self, **settings: str) -> Api: ...


StartedApis = Callable[[], AbstractContextManager[StartApi]]


@pytest.fixture(scope="session")
def started_apis(
    postgres: PostgreSQL, valkey: Valkey, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> StartedApis:
    """Return contexts that start APIs, each with its own database, and stop them at the end of the context.

    The stopped APIs are searched for secrets. Every API keeps connections to the shared database server, which accepts
    a hundred.
    """
    return partial(_started_apis, postgres, valkey, migrated_template, tmp_path_factory)


@pytest.fixture(scope="module")
def start_api(started_apis: StartedApis) -> Iterator[StartApi]:
    """Start an API with these settings for the tests of the module."""
    with started_apis() as start:
        yield start


@pytest.fixture(scope="session")
def api(started_apis: StartedApis) -> Iterator[Api]:
    with started_apis() as start:
        yield start()


@pytest.fixture(scope="session")
def proxied_api(started_apis: StartedApis) -> Iterator[Api]:
    """A server for sign-in tests: it trusts the client address that each test sends in X-Forwarded-For."""
    with started_apis() as start:
        yield start(KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8")


@pytest.fixture
def org(api: Api) -> Organization:
    """A new organization on a plan without a key limit."""
    return api.organization()


@pytest.fixture(scope="module")
def refused_org(api: Api) -> Organization:
    """An organization that all tests of a file share because their requests are refused and change nothing."""
    return api.organization()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print the size of the scope matrix."""
    size = config.stash.get(MATRIX_SIZE, None)
    if size is not None:
        terminalreporter.write_line(f"scope matrix: {size}")


@contextmanager
def _started_apis(
    postgres: PostgreSQL, valkey: Valkey, template: str, folders: pytest.TempPathFactory
) -> Generator[StartApi]:
    folder = folders.mktemp("api")
    with ExitStack() as stack:

        def start(**settings: str) -> Api:
            database_url = stack.enter_context(new_database(postgres, template))
            settings = {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "15", **settings}  # generous, for busy machines
            server = Server(database_url, valkey.url, folder / f"{next(_numbers)}.log", settings)
            return stack.enter_context(_running(server, postgres))

        yield start


@contextmanager
def _running(server: Server, postgres: PostgreSQL) -> Generator[Api]:
    database = Database(server.database_url)
    limits = httpx2.Limits(max_connections=300, max_keepalive_connections=300)
    try:
        server.start()
        with httpx2.Client(base_url=server.url, limits=limits) as http:
            yield Api(server, database, http)
    finally:
        server.stop()
        database.close()
    refuse_secrets(postgres.url_of(Path(server.database_url.partition("?")[0]).name, SUPERUSER), server)
