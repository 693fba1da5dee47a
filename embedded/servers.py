"""PostgreSQL and Valkey, started here unless the settings name external servers."""

from typing import NamedTuple

from embedded.console import print_status
from embedded.data_dir import DataDirectory
from embedded.external_servers import require_database, require_redis
from embedded.orphan_reaper import POSTGRESQL, VALKEY
from embedded.postgres import PostgreSQL
from embedded.service_account import ServiceAccount
from embedded.supervisor import Supervisor
from embedded.valkey import Valkey
from infrastructure.settings import Settings


class Addresses(NamedTuple):
    """The URLs of the service's login, of the login that owns the schema, and of Valkey."""

    runtime_url: str
    owner_url: str
    redis_url: str


def start_servers(
    settings: Settings, home: DataDirectory, supervisor: Supervisor, account: ServiceAccount | None
) -> Addresses:
    """Return the addresses of both servers once they respond. Raise CannotStart."""
    runtime_url, owner_url = _start_postgresql(settings, home, supervisor, account)
    return Addresses(runtime_url, owner_url, _start_valkey(settings, home, supervisor, account))


def _start_postgresql(
    settings: Settings, home: DataDirectory, supervisor: Supervisor, account: ServiceAccount | None
) -> tuple[str, str]:
    if settings.database_url:
        owner_url = settings.migration_database_url or settings.database_url
        # The service's login may not exist before the first migration.
        require_database(owner_url)
        print_status("postgresql", "ready (DATABASE_URL)")
        return settings.database_url, owner_url
    server = PostgreSQL(
        home.folder / POSTGRESQL,
        log=home.new_log("postgresql"),
        clients=account.clients(POSTGRESQL) if account else None,
        passwords=home.database_passwords() if account else None,
    )
    supervisor.start("postgresql", server, 0.0)
    server.set_password()
    return server.runtime_url, server.url


def _start_valkey(
    settings: Settings, home: DataDirectory, supervisor: Supervisor, account: ServiceAccount | None
) -> str:
    if settings.redis_url:
        require_redis(settings.redis_url)
        print_status("valkey", "ready (REDIS_URL)")
        return settings.redis_url
    clients = account.clients(VALKEY) if account else None
    server = Valkey(home.folder / VALKEY, log=home.new_log("valkey"), clients=clients)
    supervisor.start("valkey", server, 0.0)
    return server.url
