"""A complete service that does not need the servers of pytest."""

import asyncio
from collections.abc import Generator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
import psycopg

from embedded.postgres import DATABASE, SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from infrastructure.clock import correct_by, own_now
from tests.app.organizations import Api, Database
from tests.app.serving import Server
from tests.logins import migrate_with_runtime_login

_SET_BACK = """create or replace function pg_catalog.clock_timestamp() returns timestamptz language sql volatile
as $$select statement_timestamp() - interval '{} microseconds'$$"""


@contextmanager
def running_service(at: datetime | None = None) -> Generator[Api]:
    """Start PostgreSQL, Valkey and the API. `at`: the instant at which their clocks and that of this process begin."""
    with (
        TemporaryDirectory() as name,
        PostgreSQL(Path(name, "postgres"), durable=False) as postgres,
        Valkey(Path(name, "valkey")) as valkey,
    ):
        asyncio.run(migrate_with_runtime_login(postgres.url))
        if at is not None:
            _begin_at(postgres, at)
        server = Server(postgres.url, valkey.url, Path(name, "api.log"))
        try:
            server.start()
            with closing(Database(postgres.url)) as database, httpx2.Client(base_url=server.url) as http:
                yield Api(server, database, http)
        finally:
            server.stop()
            correct_by(timedelta(0))


def _begin_at(postgres: PostgreSQL, at: datetime) -> None:
    """Replace the clock of the database, which the service follows."""
    ahead = own_now() - at
    with psycopg.connect(postgres.url_of(DATABASE, SUPERUSER), autocommit=True) as connection:
        connection.execute(_SET_BACK.format(ahead // timedelta(microseconds=1)).encode())
    correct_by(-ahead)
