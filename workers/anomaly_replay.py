"""Replay of the anomaly rules: the alerts that they would have raised in a period of the usage log. Nothing is written.

The replay applies the rules of `workers/jobs/detect_anomalies.py` to the same signals, with the current thresholds or
with others. Operators can test a threshold on last month's uses before they set it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from domain.alerts.events import AlertType, Number, Severity
from domain.anomalies.evaluate import HISTORY, Geolocate, KeyHistory, Signal, evaluate
from domain.anomalies.finding import Rule
from domain.anomalies.hourly_counts import Hour
from domain.anomalies.hourly_rules import in_cooldown
from domain.anomalies.settings import problem_of
from domain.anomalies.thresholds import DEFAULTS
from domain.usage.events import Code
from infrastructure.database.connections import MAINTENANCE_TIMEOUTS, WORKER_ROLE, Connection, connect
from projections.read_models.anomalies.queries import DENIALS_KEPT, SQL, thresholds

_SIGNALS_BETWEEN_UPDATES = 1_000

_Subject = tuple[str, str]
"""A key or an address, and the organization."""


class ReplayPeriod(NamedTuple):
    """The time from `begin` (inclusive) to `end` (exclusive), for one organization or for all."""

    begin: datetime
    end: datetime
    organization_id: str | None = None


class ReplayedAlert(Struct, frozen=True):
    """An alert that the rules would have raised. `subject` is a key, or an address that presented unknown keys."""

    at: datetime
    organization_id: str
    subject: str
    rule: Rule
    type: AlertType
    severity: Severity
    numbers: dict[str, Number]


def parse_thresholds(written: Sequence[str]) -> dict[str, Any]:
    """Return the thresholds in `name=value` form. Raises `ValueError` with the reason for the first invalid one."""
    overrides: dict[str, Any] = {}
    for text in written:
        name, _, value = text.partition("=")
        try:
            overrides[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise ValueError(f"{text}: write name=value, such as volume_ratio=5 or location=false") from None
        problem = problem_of(name, overrides[name])
        if problem is not None:
            raise ValueError(f"{name} {problem}")
    return overrides


def format_alert(alert: ReplayedAlert) -> str:
    numbers = " ".join(f"{name}={value}" for name, value in alert.numbers.items())
    at = alert.at.astimezone(UTC)
    return f"{at:%Y-%m-%d %H:%M}Z {alert.severity:<8} {alert.type} {alert.organization_id} {alert.subject} {numbers}"


async def replay(
    url: str,
    stretch: ReplayPeriod,
    locate: Geolocate,
    overrides: Mapping[str, Any],
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> list[ReplayedAlert]:
    """Return the alerts in order of time."""
    async with await connect(url, role=WORKER_ROLE, timeouts=MAINTENANCE_TIMEOUTS) as connection:
        log = _Log()
        await log.read(connection, stretch)
        organizations = sorted({sign.organization_id for sign in log.signs})
        own_thresholds = await thresholds(connection, organizations)
    last: dict[_Subject, dict[Rule, datetime]] = {}
    alerts: list[ReplayedAlert] = []
    for number, sign in enumerate(log.signs):
        if number % _SIGNALS_BETWEEN_UPDATES == 0:
            progress(number, len(log.signs))
        limits = msgspec.structs.replace(own_thresholds.get(sign.organization_id, DEFAULTS), **overrides)
        last_alerts = last.setdefault((sign.subject, sign.organization_id), {})
        for finding in evaluate(sign, log.facts(sign), limits, locate):
            if in_cooldown(last_alerts, finding, sign.at, limits):
                continue
            last_alerts[finding.rule] = sign.at
            alerts.append(
                ReplayedAlert(
                    at=sign.at,
                    organization_id=sign.organization_id,
                    subject=sign.subject,
                    rule=finding.rule,
                    type=finding.type,
                    severity=finding.severity,
                    numbers=finding.numbers,
                )
            )
    progress(len(log.signs), len(log.signs))
    return alerts


class _Log:
    """The uses of the period in the log, and of the time before it that the rules look back on."""

    def __init__(self) -> None:
        self.signs: list[Signal] = []
        self._created: dict[str, datetime] = {}
        self._hours: dict[str, dict[datetime, Hour]] = {}
        self._used: dict[str, set[datetime]] = {}
        self._before: dict[str, datetime] = {}
        self._networks: dict[str, dict[str, datetime]] = {}
        self._refused: dict[_Subject, dict[datetime, dict[Code, int]]] = {}

    async def read(self, connection: Connection, stretch: ReplayPeriod) -> None:
        begin = stretch.begin
        history = {"since": begin - HISTORY, "until": stretch.end, "organization_id": stretch.organization_id}
        for row in await _rows(connection, SQL.replay_hours, history):
            self._add_hour(begin, *row)
        ever = {**history, "since": datetime(1970, 1, 1, tzinfo=UTC)}
        for row in await _rows(connection, SQL.replay_networks, ever):
            self._add_network(begin, *row)
        for row in await _rows(connection, SQL.replay_denied, {**history, "since": begin - DENIALS_KEPT}):
            self._add_denied(begin, *row)
        keys = sorted(self._hours)
        self._created = dict(await _rows(connection, SQL.keys_of, (keys,)))
        before = await _rows(connection, SQL.used_before, (begin - HISTORY, keys))
        self._before = {key_id: hour for key_id, hour in before if hour is not None}
        self.signs.sort(key=lambda sign: (sign.at, sign.kind, sign.subject))

    def facts(self, sign: Signal) -> KeyHistory:
        key_id = sign.subject
        return KeyHistory(
            created_at=self._created.get(key_id, sign.at),
            hours=self._hours.get(key_id, {}),
            used=frozenset(self._used.get(key_id, ())),
            used_before=self._before.get(key_id),
            networks=self._networks.get(key_id, {}),
            refused=self._refused.get((key_id, sign.organization_id), {}),
        )

    def _add_hour(
        self,
        begin: datetime,
        key_id: str,
        organization_id: str,
        hour: datetime,
        requests: int,
        errors: int,
        denied: int,
        managed: int,
    ) -> None:
        self._hours.setdefault(key_id, {})[hour] = Hour(requests, errors, denied)
        if requests + managed:
            self._used.setdefault(key_id, set()).add(hour)
        if hour >= begin:
            self.signs.append(Signal("hour", organization_id, key_id, hour))

    def _add_network(self, begin: datetime, key_id: str, organization_id: str, network: str, first: datetime) -> None:
        self._networks.setdefault(key_id, {})[network] = first
        if first >= begin:
            self.signs.append(Signal("network", organization_id, key_id, first, network))

    def _add_denied(
        self,
        begin: datetime,
        unknown: bool,  # noqa: FBT001 -- a column
        subject: str,
        organization_id: str,
        minute: datetime,
        code: Code,
        denied: int,
    ) -> None:
        minutes = self._refused.setdefault((subject, organization_id), {})
        if minute >= begin and minute not in minutes:
            self.signs.append(Signal("unknown" if unknown else "denied", organization_id, subject, minute))
        minutes.setdefault(minute, {})[code] = denied


async def _rows(connection: Connection, query: bytes, parameters: Any) -> list[Any]:  # noqa: ANN401 -- of the statement
    return await (await connection.execute(query, parameters)).fetchall()
