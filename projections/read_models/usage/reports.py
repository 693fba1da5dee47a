"""Usage reports of a key or an organization over a span of days. All days are UTC days.

Requests are accepted uses, as everywhere. A request is an error if its call ended with one, and a success otherwise,
also before its end was recorded. Denied uses are not requests and are reported separately.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple, TypeVar

from domain.plans.plan import PlanName
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from infrastructure.days import midnight
from projections.read_models.usage.latency import Percentiles, percentiles

HOURS_DAYS_MAX = 8
"""The longest report with hours, in days: a week, and the day on which it began."""

LISTED_MAX = 100
"""The maximum number of MCP servers, tools or keys that a report lists, most used first."""

_CANDIDATES_OF_DAY = 2
_CANDIDATES_MIN = 50
"""The most used keys of each day among which a report looks for those of its period: times the number of listed keys.

A key that is not among them on any day has at most the sum of the last candidates of all days. That sum rarely reaches
the last listed key with twice as many candidates as listed keys.
"""


class _Queries(NamedTuple):
    key_report: bytes
    key_hours: bytes
    key_denials: bytes
    key_latencies: bytes
    organization_report: bytes
    organization_keys: bytes
    creators_keys: bytes
    organization_days: bytes
    organization_days_total: bytes
    mcp_names: bytes
    plan_of: bytes


_SQL = load(_Queries, __file__, "reports.sql")


class Span(NamedTuple):
    """The first and the last day, both inclusive."""

    since: date
    until: date

    @property
    def days(self) -> list[date]:
        return [self.since + timedelta(days=number) for number in range((self.until - self.since).days + 1)]

    @property
    def hours(self) -> list[datetime]:
        """Return the start of each hour."""
        return [midnight(day) + timedelta(hours=hour) for day in self.days for hour in range(24)]

    @property
    def instants(self) -> tuple[datetime, datetime]:
        """Return the start of the first day and the end of the last one."""
        return midnight(self.since), midnight(self.until) + timedelta(days=1)


class Outcomes(NamedTuple):
    """Outcomes: `requests` were accepted, `failed` of them ended with an error, and `denied` uses were not accepted."""

    requests: int = 0
    denied: int = 0
    failed: int = 0
    billed: int = 0

    @property
    def succeeded(self) -> int:
        """Return the successes.

        Never negative, even for a moment in which the end of a call is counted before its use.
        """
        return max(self.requests - self.failed, 0)


class Named(NamedTuple):
    """An MCP server or a key by its current name, or None if the id does not exist."""

    id: str
    name: str | None
    requests: int


class Tool(NamedTuple):
    """A tool. `mcp_id` is None for a tool without an MCP server."""

    mcp_id: str | None
    name: str
    requests: int


class Denial(NamedTuple):
    """The number of uses that were denied for a reason, an error code."""

    reason: str
    denied: int


class Day(NamedTuple):
    """The outcomes of a UTC day."""

    date: date
    outcomes: Outcomes


class Hour(NamedTuple):
    """The outcomes of an hour, identified by its start."""

    start: datetime
    outcomes: Outcomes


T = TypeVar("T", Named, Tool)


@dataclass(slots=True)
class Report:
    """A report.

    `hours` is empty for more than `HOURS_DAYS_MAX` days. `tools`, `hours` and `denials` are empty for a report about
    all keys. `keys` is None for one about a key or an MCP server. Not `keys_exact`: the counts are exact, but another
    key may have more requests than the last ones.
    """

    total: Outcomes = field(default_factory=Outcomes)
    mcps: list[Named] = field(default_factory=list[Named])
    tools: list[Tool] = field(default_factory=list[Tool])
    keys: list[Named] | None = None
    keys_exact: bool = True
    days: list[Day] = field(default_factory=list[Day])
    hours: list[Hour] = field(default_factory=list[Hour])
    denials: list[Denial] = field(default_factory=list[Denial])
    latency_ms: Percentiles = field(default_factory=Percentiles)


async def key_report(
    connection: Connection, key_id: str, span: Span, histogram: Mapping[int, int] | None = None
) -> Report:
    """Return the report of one key, including days and hours without uses.

    `histogram`: the latencies of the span, if the caller has read them.
    """
    parameters = {"key_id": key_id, **span._asdict()}
    report = Report()
    by_day: dict[date, Outcomes] = {}
    by_mcp: dict[str, int] = {}
    cursor = await connection.execute(_SQL.key_report, parameters)
    for day, mcp_id, tool, *sums in await cursor.fetchall():
        outcomes = Outcomes(*sums)
        if day is not None:
            by_day[day] = outcomes
        elif tool:
            report.tools.append(Tool(mcp_id or None, tool, outcomes.requests))
        elif mcp_id and tool is None:
            by_mcp[mcp_id] = outcomes.requests
        elif mcp_id is None and sums[0] is not None:
            report.total = outcomes
    report.tools = _most_used(report.tools)
    report.mcps = await _named_mcps(connection, by_mcp)
    report.days = [Day(day, by_day.get(day, Outcomes())) for day in span.days]
    cursor = await connection.execute(_SQL.key_denials, parameters)
    report.denials = sorted(
        [Denial(*row) for row in await cursor.fetchall()], key=lambda denial: (-denial.denied, denial.reason)
    )
    if len(span.days) <= HOURS_DAYS_MAX:
        report.hours = await _hours(connection, key_id, span)
    if histogram is None:
        histogram = dict(await (await connection.execute(_SQL.key_latencies, parameters)).fetchall())
    report.latency_ms = percentiles(histogram)
    return report


async def organization_report(
    connection: Connection,
    organization_id: str,
    span: Span,
    *,
    created_by: str | None,
    mcp_id: str | None = None,
    keys: int = LISTED_MAX,
) -> Report:
    """Return the report of an organization, with as many as `keys` of its most used keys.

    Single keys are those that `created_by` created, or all if it is None.

    With `mcp_id`, the report covers the uses of that MCP server and lists no keys, whose uses by MCP are counted only
    for one key at a time.
    """
    parameters = {"organization_id": organization_id, "mcp_id": mcp_id, **span._asdict()}
    report = Report()
    by_day: dict[date, Outcomes] = {}
    by_mcp: dict[str, int] = {}
    cursor = await connection.execute(_SQL.organization_report, parameters)
    for day, used_mcp, *sums in await cursor.fetchall():
        if day is not None:
            by_day[day] = Outcomes(*sums)
        elif used_mcp:
            by_mcp[used_mcp] = sums[0]
        elif used_mcp is None and sums[0] is not None:
            report.total = Outcomes(*sums)
    report.mcps = await _named_mcps(connection, by_mcp)
    report.days = [Day(day, by_day.get(day, Outcomes())) for day in span.days]
    if mcp_id is None:
        report.keys, report.keys_exact = await _most_used_keys(connection, organization_id, span, created_by, keys)
    return report


async def _most_used_keys(
    connection: Connection, organization_id: str, span: Span, created_by: str | None, limit: int
) -> tuple[list[Named], bool]:
    """Return the most used keys, and whether no other key can have more requests than the last of them."""
    if not limit:
        return [], True
    parameters = {"organization_id": organization_id, "limit": limit, **span._asdict()}
    if created_by is not None:
        cursor = await connection.execute(_SQL.creators_keys, {**parameters, "created_by": created_by})
        return [Named(*row) for row in await cursor.fetchall()], True
    cursor = await connection.execute(
        _SQL.organization_keys, {**parameters, "of_day": max(_CANDIDATES_OF_DAY * limit, _CANDIDATES_MIN)}
    )
    rows = await cursor.fetchall()
    keys = [Named(key_id, name, requests) for key_id, name, requests, _ in rows]
    others = rows[0][3] if rows else 0
    last = keys[-1].requests if len(keys) == limit else 0
    return keys, others <= last


async def organization_days(
    connection: Connection, organization_id: str, span: Span, *, limit: int, offset: int
) -> list[Day]:
    """Return the days with any uses, newest first."""
    parameters = {"organization_id": organization_id, **span._asdict(), "limit": limit, "offset": offset}
    cursor = await connection.execute(_SQL.organization_days, parameters)
    return [Day(day, Outcomes(*sums)) for day, *sums in await cursor.fetchall()]


async def organization_days_total(connection: Connection, organization_id: str, span: Span) -> int:
    """Return the number of such days."""
    parameters = {"organization_id": organization_id, **span._asdict()}
    row = await (await connection.execute(_SQL.organization_days_total, parameters)).fetchone()
    return 0 if row is None else int(row[0])


async def plan_of(connection: Connection, organization_id: str) -> PlanName | None:
    """Return the plan, or None if the organization does not exist."""
    row = await (await connection.execute(_SQL.plan_of, (organization_id,))).fetchone()
    return None if row is None else row[0]


async def _hours(connection: Connection, key_id: str, span: Span) -> list[Hour]:
    since, until = span.instants
    cursor = await connection.execute(_SQL.key_hours, {"key_id": key_id, "since": since, "until": until})
    found = {hour: Outcomes(*sums) for hour, *sums in await cursor.fetchall()}
    return [Hour(hour, found.get(hour, Outcomes())) for hour in span.hours]


async def _named_mcps(connection: Connection, requests: dict[str, int]) -> list[Named]:
    """Return the MCP servers by name. A server that does not exist or no longer exists has no name."""
    cursor = await connection.execute(_SQL.mcp_names, (list(requests),))
    names: dict[str, str] = dict(await cursor.fetchall())
    return _most_used([Named(mcp_id, names.get(mcp_id), count) for mcp_id, count in requests.items()])


def _most_used(found: Iterable[T]) -> list[T]:
    used = [item for item in found if item.requests]
    return sorted(used, key=lambda item: (-item.requests, item[0] or "", item[1] or ""))[:LISTED_MAX]
