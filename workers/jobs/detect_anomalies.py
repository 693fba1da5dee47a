"""Job, every five seconds: apply the anomaly rules to the queued signals, and raise each alert once.

One worker at a time processes signals, in the order in which they were queued. One transaction contains the alert and
the note that its rule has fired. A signal is deleted after all its alerts were raised. Therefore a worker that dies at
any line has raised an alert either once or not yet: the id of the alert is derived from its rule, its subject and its
instant.
"""

from datetime import timedelta
from time import monotonic

import structlog

from domain.actor import ANOMALIES
from domain.alerts.alert_id import alert_id
from domain.alerts.commands import RaiseAlert
from domain.anomalies.evaluate import Geolocate, Signal, evaluate
from domain.anomalies.finding import Finding
from domain.anomalies.hourly_rules import in_cooldown
from domain.anomalies.thresholds import DEFAULTS
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.geoip import geolocator
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from projections.read_models.anomalies.queries import (
    DENIALS_KEPT,
    SQL,
    QueuedSignal,
    complete,
    last_alerted,
    load_history,
    mark_alerted,
    signals_due,
    thresholds,
)
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job_with_config
from workers.raise_alert import raise_alert

SETTLE_DELAY = timedelta(seconds=2)
"""A signal is processed when it has not changed for this long, so that uses close together are evaluated together."""

MAX_WAIT = timedelta(seconds=15)
"""The maximum wait after the first use of a signal, because a key may be used without a pause."""

_BATCH_SIZE = 25
"""The batch size. Each signal may need nine weeks of hours of its key, and other jobs wait for this process."""

_DENIALS_KEPT = 3 * DENIALS_KEPT

_log = structlog.get_logger(__name__)
_news = LogThrottle(3_600.0)


def detect_anomalies() -> None:
    run_job_with_config(detect)


JOB = Job(detect_anomalies, every=5)


async def detect(pool: Pool, config: Settings) -> None:
    locate = geolocator(config.geo_database)
    deadline = monotonic() + WORK_SECONDS
    async with pool.connection() as guard:
        row = await (await guard.execute(SQL.claim)).fetchone()
        if row is None or not row[0]:
            return
        try:
            while monotonic() < deadline and await _process_batch(pool, locate):
                pass
            await guard.execute(SQL.denials_delete, (now() - _DENIALS_KEPT,))
        finally:
            await guard.execute(SQL.unclaim)


async def _process_batch(pool: Pool, locate: Geolocate) -> bool:
    """Process some signals. Return False if there were none."""
    async with pool.connection() as connection:
        queued = await signals_due(connection, now() - SETTLE_DELAY, now() - MAX_WAIT, _BATCH_SIZE)
        if not queued:
            return False
        signals = sorted((each.sign for each in queued), key=lambda sign: sign.at)
        histories = await load_history(connection, signals)
        last_alerts = await last_alerted(connection, sorted({sign.subject for sign in signals}))
        limits = await thresholds(connection, sorted({sign.organization_id for sign in signals}))
    for sign in signals:
        history = histories.get((sign.subject, sign.organization_id))
        if history is None:  # the key is not in the key list
            continue
        last = last_alerts.setdefault((sign.subject, sign.organization_id), {})
        threshold = limits.get(sign.organization_id, DEFAULTS)
        for finding in evaluate(sign, history, threshold, locate):
            if in_cooldown(last, finding, sign.at, threshold):
                continue
            last[finding.rule] = sign.at
            await _raise(pool, sign, finding)
    async with pool.connection() as connection:
        await _complete(connection, queued)
    return True


async def _complete(connection: Connection, queued: list[QueuedSignal]) -> None:
    async with connection.pipeline():
        for each in queued:
            for statement in complete(each):
                await connection.execute(*statement)


async def _raise(pool: Pool, sign: Signal, finding: Finding) -> None:
    if not sign.organization_id:
        # No organization owns this alert, so it is logged for the operator.
        if _news(f"{finding.rule} {sign.subject}"):
            _log.warning("unknown_keys_presented", **finding.numbers)
        return
    await raise_alert(pool, ANOMALIES, alert_of(sign, finding), extra_statements=[mark_alerted(sign, finding.rule)])


def alert_of(sign: Signal, finding: Finding) -> RaiseAlert:
    effect = f"{finding.type} {finding.rule} {sign.organization_id} {sign.subject} {sign.at.isoformat()} {sign.detail}"
    return RaiseAlert(
        alert_id=alert_id(effect, sign.at),
        organization_id=sign.organization_id,
        alert_type=finding.type,
        severity=finding.severity,
        at=now(),
        key_id=None if sign.kind == "unknown" else sign.subject,
        numbers={"rule": finding.switch, **finding.numbers, "at": sign.at.isoformat().replace("+00:00", "Z")},
    )
