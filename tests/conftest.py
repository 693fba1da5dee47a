"""Real servers: one PostgreSQL and one Valkey per pytest process, and a new database for each test that needs one."""

import asyncio
import re
import shutil
from collections.abc import Iterator

import hypothesis.core
import psycopg
import pytest
import structlog
from hypothesis import HealthCheck, settings
from psycopg import sql

from domain.secret import parse
from embedded.postgres import ROLE, SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from tests import random_input
from tests.databases import new_database
from tests.durations import SLOW_FILES, is_slow
from tests.interrupting import busy_loop  # noqa: F401  # pyright: ignore[reportUnusedImport] -- a fixture
from tests.logins import migrate_with_runtime_login
from tests.unprivileged_user import OrdinaryUser, make_ordinary_user

_TEMPLATE = "keyledger_template"
_KEY = re.compile(rb"pk_(?:live|test)_[0-9A-Za-z]{32}")

# By default structlog draws every exception with the local variables of all its frames: that takes longer than what is
# being tested, and one of them could be a secret.
structlog.configure(
    processors=[
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback),
    ]
)


# The duration of an example depends more on the machine than on the code.
settings.register_profile("keyledger", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("keyledger")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Pass the seed of the run to Hypothesis, as `--hypothesis-seed` would, and to session-scoped fixtures."""
    hypothesis.core.global_force_seed = config.getoption("randomly_seed")
    random_input.begin(config.getoption("randomly_seed"), "session")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the slowest files first, so that parallel processes finish together.

    Mark the tests that `make test-fast` leaves out.
    """

    def file_of(item: pytest.Item) -> str:
        return item.nodeid.partition("::")[0]

    order = {file: place for place, file in enumerate(SLOW_FILES)}
    items.sort(key=lambda item: order.get(file_of(item), len(order)))
    for item in items:
        if is_slow(file_of(item), getattr(item, "fixturenames", ())):
            item.add_marker("slow")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    random_input.begin(item.config.getoption("randomly_seed"), item.nodeid)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print how to draw the same random input again, and what tests noted with `record_property`."""
    if terminalreporter.getreports("failed") or terminalreporter.getreports("error"):
        seed = terminalreporter.config.getoption("randomly_seed")
        terminalreporter.write_line(f"The same random input again: pytest --randomly-seed={seed}")
    for report in terminalreporter.getreports("passed"):
        for name, figure in report.user_properties:
            terminalreporter.write_line(f"{name}: {figure}")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    """A running server, shared by the tests of this process. A test that stops or kills it starts it again.

    It does not wait for the disk. Tests kill processes, which loses nothing; none of them cuts the power.
    """
    folder = tmp_path_factory.mktemp("postgres") / "data"
    with PostgreSQL(folder, durable=False) as server:
        # As the owner of the database, tests look for the sessions of the runtime login and end them.
        with psycopg.connect(server.url_of("postgres", SUPERUSER), autocommit=True) as connection:
            connection.execute(sql.SQL("grant pg_read_all_stats, pg_signal_backend to {}").format(sql.Identifier(ROLE)))
        yield server
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A running server, shared by the tests of this process. A test that stops or kills it starts it again."""
    with Valkey(tmp_path_factory.mktemp("valkey") / "data") as server:
        yield server


@pytest.fixture
def empty_database_url(postgres: PostgreSQL) -> Iterator[str]:
    """The address of an empty database, dropped after the test."""
    with new_database(postgres, template="template1") as url:
        yield url


@pytest.fixture
def database_url(postgres: PostgreSQL, migrated_template: str) -> Iterator[str]:
    """The address of a migrated database, dropped after the test even if clients are still connected."""
    with new_database(postgres, template=migrated_template) as url:
        yield url


@pytest.fixture(scope="session")
def migrated_template(postgres: PostgreSQL) -> str:
    """The name of a migrated database without connections, so that it can be cloned."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(_TEMPLATE)))
    asyncio.run(migrate_with_runtime_login(postgres.url_of(_TEMPLATE)))
    return _TEMPLATE


@pytest.fixture
def redis_url(valkey: Valkey) -> str:
    """The address of an empty Valkey."""
    import redis  # noqa: PLC0415 - most tests need no Valkey

    with redis.Redis.from_url(valkey.url) as client:  # pyright: ignore[reportUnknownMemberType]
        client.flushall()  # pyright: ignore[reportUnknownMemberType]
    return valkey.url


@pytest.fixture(scope="session")
def ordinary_user() -> Iterator[OrdinaryUser]:
    """An account other than root, with a Python and a checkout that it can read."""
    user = make_ordinary_user()
    yield user
    shutil.rmtree(user.folder)


@pytest.fixture(scope="session", autouse=True)
def no_key_is_left_in_any_log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail if a program that the tests started wrote a key to a log. This includes the logs of the servers."""
    yield
    leaks = [
        str(path)
        for path in tmp_path_factory.getbasetemp().rglob("*.log")
        if path.is_file() and any(parse(text.decode()) for text in _KEY.findall(path.read_bytes()))
    ]
    assert not leaks, leaks
