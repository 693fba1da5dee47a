"""The only module that opens connections to PostgreSQL.

Every connection takes on a role that can not change or remove what the log holds, and that says whose rows it sees
(docs/decisions/0014). It gives up rather than wait: for a lock, for a statement, idle inside a transaction. Connections
to which PostgreSQL does not apply this are not used (`infrastructure/database/connection_settings.py`).
"""

from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection

from infrastructure.database.connection_settings import Connection, ConnectionSettings
from infrastructure.database.pool import Pool
from infrastructure.database.url import UNREADABLE, is_readable

Role = Literal["keyledger_app", "keyledger_gate", "keyledger_worker"]

APP_ROLE: Role = "keyledger_app"
"""Sees the rows of the organization that its transaction is bound to (`infrastructure.database.tenant`), else none."""

AUTH_ROLE: Role = "keyledger_gate"
"""Looks up what a presented credential is decided upon, whose it ever is, and writes uses. Nothing else."""

WORKER_ROLE: Role = "keyledger_worker"
"""May do what the application may, to every organization."""

_GONE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `answer` bounds what a caller waits for a connection; the rest is enforced by the server."""

    connect: int = 2
    acquire: float = 1.5
    lock: float = 1.5
    statement: float = 5.0
    idle_in_transaction: float = 5.0


MAINTENANCE_TIMEOUTS = Timeouts(connect=60, acquire=60, lock=60, statement=0, idle_in_transaction=0)
"""For work on the whole database: it takes as long as it takes, and thinks between two statements."""


async def connect(
    url: str, *, role: Role | None = APP_ROLE, organization_id: str = "", timeouts: Timeouts | None = None
) -> Connection:
    """A connection in autocommit mode, bound to `organization_id`, if one is given, for as long as it lasts.

    `role` None keeps the user of the URL, who must own the tables: for migrations and checks. Raises what the driver
    raises, and `SettingsNotApplied`.
    """
    if not is_readable(url):
        raise psycopg.ProgrammingError(f"This {UNREADABLE}")
    settings = _settings(role, timeouts or Timeouts(), organization_id)
    connection = await AsyncConnection.connect(url, **_arguments(settings, timeouts or Timeouts()))
    try:
        await settings.verify(connection)
    except BaseException:
        await connection.close()
        raise
    return connection


def pool(
    url: str,
    *,
    role: Role = APP_ROLE,
    size_max: int = 10,
    waiting_max: int = 500,
    timeouts: Timeouts | None = None,
) -> Pool:
    """A pool that is not open yet. It never lets a caller wait longer than `timeouts.answer` seconds."""
    limits = timeouts or Timeouts()
    settings = _settings(role, limits)
    arguments = _arguments(settings, limits)
    return Pool(url, settings, arguments, size_max=size_max, waiting_max=waiting_max, timeout=limits.acquire)


def _settings(role: Role | None, timeouts: Timeouts, organization_id: str = "") -> ConnectionSettings:
    return ConnectionSettings(
        role,
        durations={
            "lock_timeout": _milliseconds(timeouts.lock),
            "statement_timeout": _milliseconds(timeouts.statement),
            "idle_in_transaction_session_timeout": _milliseconds(timeouts.idle_in_transaction),
            # A process that was killed leaves locks behind that long, and not until its statement comes to an end.
            "client_connection_check_interval": _milliseconds(_GONE_SECONDS),
        },
        texts={
            "timezone": "UTC",
            # No schema of another's making comes before the one that the migrations fill.
            "search_path": "public",
            # A login that does not own the tables is refused, and does not take a part of them for everything.
            "row_security": "off" if role is None else "on",
            "keyledger.organization_id": organization_id,
        },
    )


def _arguments(settings: ConnectionSettings, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "autocommit": True,
        "connect_timeout": timeouts.connect,
        "options": settings.startup_options,
        "application_name": "keyledger",
        # A network that goes silent is noticed within seconds, not when TCP gives up after a quarter of an hour.
        "tcp_user_timeout": 5_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def describe(error: psycopg.Error) -> str:
    """One line about a connection that could not be made. The password of a URL that `is_readable` is not in it."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
