"""The settings that a connection requests when it starts, and the check that PostgreSQL applies them.

The role, row-level security, the timeouts and the organization are startup parameters. A connection pooler can drop
them (PgBouncer: `ignore_startup_parameters = options`), and the session then has all rights of the login. Every
connection is therefore compared with the requested settings before it is used.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any, Literal

import structlog
from psycopg import AsyncConnection
from psycopg.pq import ConnStatus, PipelineStatus, TransactionStatus
from psycopg.rows import TupleRow

from infrastructure.database.errors import SettingsNotApplied
from infrastructure.database.queries import SQL

Connection = AsyncConnection[TupleRow]

_log = structlog.get_logger(__name__)

_MILLISECONDS: Mapping[str, int] = {"": 1, "ms": 1, "s": 1_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+)(ms|s|min|h|d)?")


@dataclass(frozen=True, slots=True)
class ConnectionSettings:
    """Requested settings: `durations` in milliseconds, `texts` as PostgreSQL shows them. `role` None: the login's."""

    role: str | None
    durations: Mapping[str, int]
    texts: Mapping[str, str]

    @property
    def startup_options(self) -> str:
        """Return the value of libpq's `options`. None of the settings contains a space."""
        requested = {**self.durations, **{name: value for name, value in self.texts.items() if value}}
        if self.role is not None:
            requested["role"] = self.role
        return " ".join(f"-c {name}={value}" for name, value in requested.items())

    async def verify(self, connection: Connection) -> None:
        """Raise `SettingsNotApplied` if the session does not have the requested settings."""
        names = [*self.durations, *self.texts]
        cursor = await connection.execute(SQL.connection_settings, (names,))
        row: Any = await cursor.fetchone()
        user, values = row
        differences = [] if self.role in (None, user) else [f"current_user is {user} instead of {self.role}"]
        for name, found in zip(names, values, strict=True):
            wanted = self.durations.get(name, self.texts.get(name))
            if wanted != (_duration(found) if name in self.durations else found):
                differences.append(f"{name} is {found or 'not set'} instead of {wanted or 'not set'}")
        if differences:
            _log_differences(differences)
            raise SettingsNotApplied(differences)


_LOG_INTERVAL_SECONDS = 60.0
_logged_at: dict[str, float] = {}


def _log_differences(differences: list[str]) -> None:
    """Log the differences at most once a minute: a process whose connections are rejected retries constantly."""
    text, at = ", ".join(differences), monotonic()
    if at - _logged_at.get(text, -_LOG_INTERVAL_SECONDS) >= _LOG_INTERVAL_SECONDS:
        _logged_at.clear()
        _logged_at[text] = at
        _log.error("connection_settings_not_applied", differences=differences)


def left_open(connection: Connection) -> Literal["pipeline", "transaction"] | None:
    """Return what an interrupted caller left open on an idle connection; None: nothing, or the connection is closed.

    The driver has no public attribute for a pipeline or transaction block that was entered and never left. The next
    user of the connection would continue inside that block.
    """
    server = connection.pgconn
    if server.status == ConnStatus.BAD:
        return None
    if server.pipeline_status != PipelineStatus.OFF or connection._pipeline is not None:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        return "pipeline"
    if server.transaction_status != TransactionStatus.IDLE or connection._num_transactions:  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        return "transaction"
    return None


def _duration(text: str) -> int | None:
    """Return milliseconds. PostgreSQL shows a duration in the largest unit that gives a whole number, such as `5s`."""
    match = _DURATION.fullmatch(text)
    return int(match[1]) * _MILLISECONDS[match[2] or ""] if match else None
