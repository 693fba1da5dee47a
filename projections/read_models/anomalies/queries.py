"""Queries on queued signals and on the history that the rules evaluate."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec

from domain.anomalies.evaluate import HISTORY, KeyHistory, Signal
from domain.anomalies.finding import Rule
from domain.anomalies.hourly_counts import Hour
from domain.anomalies.settings import thresholds_of
from domain.anomalies.thresholds import Thresholds
from domain.organizations.events import Settings
from domain.usage.events import Code
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load

DENIALS_KEPT = timedelta(hours=1)
"""No rule looks further back."""

LastAlerts = dict[Rule, datetime]
"""The instant of the last alert, by rule."""


class Queries(NamedTuple):
    history_plan: bytes
    history_apply: bytes
    signals_add: bytes
    signals_due: bytes
    signal_complete: bytes
    signal_wait_again: bytes
    hours_of: bytes
    used_before: bytes
    networks_of: bytes
    denied_of: bytes
    last_alerted: bytes
    mark_alerted: bytes
    denials_delete: bytes
    keys_of: bytes
    settings_of: bytes
    claim: bytes
    unclaim: bytes
    replay_hours: bytes
    replay_networks: bytes
    replay_denied: bytes


SQL = load(Queries, __file__)

_settings: msgspec.json.Decoder[Settings] = msgspec.json.Decoder(Settings)


class QueuedSignal(NamedTuple):
    """A signal, and the instant of its last use."""

    sign: Signal
    noted_at: datetime


async def signals_due(
    connection: Connection, settled: datetime, queued_before: datetime, limit: int
) -> list[QueuedSignal]:
    """Return signals that have not changed since `settled` or were queued before `queued_before`, oldest first."""
    cursor = await connection.execute(
        SQL.signals_due, {"settled": settled, "queued_before": queued_before, "limit": limit}
    )
    return [QueuedSignal(Signal(*sign), noted_at) for *sign, noted_at in await cursor.fetchall()]


def complete(queued: QueuedSignal) -> list[Statement]:
    """Return the statements that remove a signal, or let it wait again if it has changed since."""
    sign = queued.sign
    key = (sign.kind, sign.subject, sign.organization_id, sign.at, sign.detail, queued.noted_at)
    return [Statement(SQL.signal_complete, key), Statement(SQL.signal_wait_again, key)]


def mark_alerted(sign: Signal, rule: Rule) -> Statement:
    return Statement(SQL.mark_alerted, (sign.subject, sign.organization_id, rule, sign.at))


async def thresholds(connection: Connection, organization_ids: Sequence[str]) -> dict[str, Thresholds]:
    """Return the thresholds of the organizations that exist."""
    cursor = await connection.execute(SQL.settings_of, (list(organization_ids),))
    return {row[0]: thresholds_of(_settings.decode(bytes(row[1]))) for row in await cursor.fetchall()}


async def last_alerted(connection: Connection, subjects: Sequence[str]) -> dict[tuple[str, str], LastAlerts]:
    """Return the last alerts by subject and organization."""
    found: dict[tuple[str, str], LastAlerts] = {}
    cursor = await connection.execute(SQL.last_alerted, (list(subjects),))
    for subject, organization_id, rule, at in await cursor.fetchall():
        found.setdefault((subject, organization_id), {})[rule] = at
    return found


async def load_history(connection: Connection, signals: Sequence[Signal]) -> dict[tuple[str, str], KeyHistory]:
    """Return the history that these signals need, by subject and organization. An unlisted key has none."""
    keys = sorted({sign.subject for sign in signals if sign.kind != "unknown"})
    earliest, latest = min(sign.at for sign in signals), max(sign.at for sign in signals)
    created = {row[0]: row[1] for row in await (await connection.execute(SQL.keys_of, (keys,))).fetchall()}
    hours: dict[str, dict[datetime, Hour]] = {key_id: {} for key_id in keys}
    used: dict[str, set[datetime]] = {key_id: set() for key_id in keys}
    cursor = await connection.execute(SQL.hours_of, (keys, earliest - HISTORY, latest))
    for key_id, hour, requests, errors, denied, managed in await cursor.fetchall():
        hours[key_id][hour] = Hour(requests, errors, denied)
        if requests + managed:
            used[key_id].add(hour)
    before = dict(await (await connection.execute(SQL.used_before, (earliest - HISTORY, keys))).fetchall())
    networks: dict[str, dict[str, datetime]] = {key_id: {} for key_id in keys}
    for key_id, network, first in await (await connection.execute(SQL.networks_of, (keys,))).fetchall():
        networks[key_id][network] = first
    refused = await _refused(connection, signals, earliest)
    return {
        (sign.subject, sign.organization_id): KeyHistory(
            created_at=created.get(sign.subject, sign.at),
            hours=hours.get(sign.subject, {}),
            used=frozenset(used.get(sign.subject, ())),
            used_before=before.get(sign.subject),
            networks=networks.get(sign.subject, {}),
            refused=refused.get((sign.subject, sign.organization_id), {}),
        )
        for sign in signals
        if sign.kind == "unknown" or sign.subject in created
    }


async def _refused(
    connection: Connection, signals: Sequence[Signal], earliest: datetime
) -> dict[tuple[str, str], dict[datetime, dict[Code, int]]]:
    found: dict[tuple[str, str], dict[datetime, dict[Code, int]]] = {}
    subjects = sorted({sign.subject for sign in signals})
    cursor = await connection.execute(SQL.denied_of, (subjects, earliest - DENIALS_KEPT))
    for subject, organization_id, minute, code, denied in await cursor.fetchall():
        found.setdefault((subject, organization_id), {}).setdefault(minute, {})[code] = denied
    return found
