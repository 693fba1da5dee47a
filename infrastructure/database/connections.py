"""Connections to PostgreSQL; no other module opens them.

Every connection of the API and the workers assumes a role that cannot change or remove events. The role also determines
which rows are visible (docs/decisions/0014). Only migrations, rebuilds and checks connect as the owner of the tables.

Timeouts end a wait for a lock, a long statement and an idle transaction. A connection to which PostgreSQL does not
apply these settings is not used (`infrastructure/database/connection_settings.py`).
"""

from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import AsyncConnection

from infrastructure.database.connection_settings import Connection, ConnectionSettings
from infrastructure.database.pipeline import Pipeline
from infrastructure.database.pool import Pool
from infrastructure.database.url import UNREADABLE, is_readable

Role = Literal["keyledger_app", "keyledger_gate", "keyledger_worker"]

APP_ROLE: Role = "keyledger_app"
"""Sees only the rows of the organization that its transaction is bound to (`infrastructure.database.tenant`)."""

AUTH_ROLE: Role = "keyledger_gate"
"""Can only read what is needed to decide on a credential, of any organization, and record its uses."""

WORKER_ROLE: Role = "keyledger_worker"
"""Has the rights of the application role, in every organization."""

_CLIENT_CHECK_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Limits in seconds. `connect` and `acquire` bound the wait for a connection; PostgreSQL enforces the others."""

    connect: int = 2
    acquire: float = 1.5
    lock: float = 1.5
    statement: float = 5.0
    idle_in_transaction: float = 5.0


MAINTENANCE_TIMEOUTS = Timeouts(connect=60, acquire=60, lock=60, statement=0, idle_in_transaction=0)
"""For work on the whole database, which has no time limit and may pause between two statements."""


async def connect(
    url: str, *, role: Role | None = APP_ROLE, organization_id: str = "", timeouts: Timeouts | None = None
) -> Connection:
    """Return a connection in autocommit mode, bound to `organization_id` until it is closed if one is given.

    `role` None keeps the user of the URL, who must own the tables, for migrations and checks. Raise an error of the
    driver, or `SettingsNotApplied`.
    """
    limits = timeouts or Timeouts()
    return await _connect(url, _settings(role, limits, organization_id), limits)


async def open_pipeline(url: str, *, role: Role | None = AUTH_ROLE, timeouts: Timeouts | None = None) -> Pipeline:
    """Return a connection for prepared statements, as group commit uses it. Raise the same errors as `connect`.

    PostgreSQL plans each statement once. By default it would plan a statement again for every use as long as the plans
    for few keys are cheaper than the generic one, and planning takes longer than the look-up (docs/decisions/0054).
    """
    limits = timeouts or Timeouts()
    settings = _settings(role, limits, plan_cache_mode="force_generic_plan")
    connection = await _connect(url, settings, limits)
    try:
        return Pipeline(connection)
    except BaseException:
        await connection.close()
        raise


async def _connect(url: str, settings: ConnectionSettings, timeouts: Timeouts) -> Connection:
    if not is_readable(url):
        raise psycopg.ProgrammingError(f"This {UNREADABLE}")
    connection = await AsyncConnection.connect(url, **_arguments(settings, timeouts))
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
    """Return a pool that is not open yet. A caller waits at most `timeouts.acquire` seconds for a connection."""
    limits = timeouts or Timeouts()
    settings = _settings(role, limits)
    arguments = _arguments(settings, limits)
    return Pool(url, settings, arguments, size_max=size_max, waiting_max=waiting_max, timeout=limits.acquire)


def _settings(
    role: Role | None, timeouts: Timeouts, organization_id: str = "", **further_texts: str
) -> ConnectionSettings:
    return ConnectionSettings(
        role,
        durations={
            "lock_timeout": _milliseconds(timeouts.lock),
            "statement_timeout": _milliseconds(timeouts.statement),
            "idle_in_transaction_session_timeout": _milliseconds(timeouts.idle_in_transaction),
            # At this interval, PostgreSQL checks whether a client with a running statement still exists. Otherwise the
            # locks of a killed client would last until its statement ends.
            "client_connection_check_interval": _milliseconds(_CLIENT_CHECK_SECONDS),
        },
        texts={
            "timezone": "UTC",
            # By default, PostgreSQL would search a schema that is named after the user first.
            "search_path": "public",
            # For a user who does not own the tables, "off" makes queries fail instead of hiding rows.
            "row_security": "off" if role is None else "on",
            "keyledger.organization_id": organization_id,
            # PostgreSQL compiles expensive plans by default. Compiling takes longer than any statement of a request.
            "jit": "off",
            **further_texts,
        },
    )


def _arguments(settings: ConnectionSettings, timeouts: Timeouts) -> dict[str, Any]:
    return {
        "autocommit": True,
        "connect_timeout": timeouts.connect,
        "options": settings.startup_options,
        "application_name": "keyledger",
        # Detect a broken network within seconds. By default, TCP takes about 15 minutes.
        "tcp_user_timeout": 5_000,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
    }


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


def describe(error: psycopg.Error) -> str:
    """Return one line about a failed connection. It contains no password if the URL passed `is_readable`."""
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
