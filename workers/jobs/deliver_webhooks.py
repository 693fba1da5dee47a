"""Job, every second: send webhook messages, each at least once, with retries for about a day.

A worker moves the next attempt of a message into the future before it sends the message, so another worker retries it
with the same id if the first one dies. Messages about one subject, such as a key, are sent in order while the earlier
one may still succeed. A receiver that hangs delays its own messages, and those of others by one attempt at most.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

import structlog

from domain.actor import WEBHOOKS
from domain.alerts.alert_id import alert_id
from domain.alerts.commands import RaiseAlert
from domain.alerts.decider import ALERT
from domain.organizations.errors import OrganizationIsDeleted
from domain.webhooks.commands import DisableWebhook
from domain.webhooks.decider import WEBHOOK
from domain.webhooks.events import DisabledBecause
from eventstore.execute import RelatedCommand
from eventstore.recorded import Origin
from gateway.config import GatewayConfig
from gateway.egress import Egress
from gateway.http_post import ANSWER_SECONDS, PostResult, post
from gateway.webhook_target import WebhookTarget, open_target
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.database.statements import Statement
from infrastructure.encryption import DecryptionFailed, Sealer
from infrastructure.log_throttle import LogThrottle
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.outboxes.webhooks.queries import (
    SQL,
    Attempt,
    AttemptTotals,
    Claimed,
    Failing,
    attempt_add,
    attempt_totals_add,
    claim,
    outbox_state,
    record_failure,
)
from projections.read_models.webhooks.list.queries import secrets_of
from workers.job import Job
from workers.job_runner import run_job_with_config

RETRY_DELAYS = tuple(
    timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800, 28_800)
)
"""The delays between attempts, 23.7 hours in total. After the last attempt, the message has failed."""

RETRY_AFTER_MAX = RETRY_DELAYS[-1]
"""The maximum delay that a receiver can request with Retry-After."""

FAILING_DAYS_MAX = 5
"""Disable a webhook after this many days without a success, if attempts failed on as many different days (UTC)."""

FAILING_MESSAGES_MIN = 5
"""The minimum number of failed messages.

With little traffic, two short failures may be weeks apart, so time is not enough.
"""

ORDERED_ATTEMPTS = 5
"""How often an earlier message about the same subject may fail before later ones stop waiting: a quarter of an hour."""

LEASE = timedelta(seconds=60)
"""Longer than an attempt takes."""

_START_SECONDS = 4.0
"""How long a tick starts more attempts.

With the timeout of a receiver added, it stays below the time limit of a job.
"""

_CONCURRENT_MAX = 200
_WEBHOOKS_MAX = 50
_PER_WEBHOOK_MAX = 4
"""The maximum number of messages in flight to one webhook."""

_JITTER = 0.2
_GONE = 410

_SEALED = "Its secret cannot be opened: the master key that sealed it is not configured"

_log = structlog.get_logger(__name__)
_news = LogThrottle()


def deliver_webhooks() -> None:
    run_job_with_config(deliver)


JOB = Job(deliver_webhooks, every=1, isolated=True)


async def deliver(pool: Pool, config: Settings) -> None:
    if not config.master_keys:
        if _news("not configured"):
            _log.error("webhooks_not_configured", needed="KEYLEDGER_MASTER_KEY")
        return
    if not await _is_any_due(pool):
        return
    egress = Egress(GatewayConfig(egress=config.egress))
    try:
        await _Delivering(pool, Sealer(config.master_keys), egress).work()
    finally:
        await egress.aclose()


async def _is_any_due(pool: Pool) -> bool:
    async with pool.connection() as connection:
        return (await outbox_state(connection, now())).waiting > 0


class _Delivering:
    def __init__(self, pool: Pool, sealer: Sealer, egress: Egress) -> None:
        self._pool = pool
        self._sealer = sealer
        self._egress = egress
        self._in_flight: Counter[str] = Counter()
        """The number of messages in flight, by webhook."""
        self._outcomes = AttemptTotals(0, 0, 0)

    async def work(self) -> None:
        await self._send_all()
        # Written once per tick, because all workers update one row. The counts of a killed worker are lost.
        if any(self._outcomes):
            await self._write([attempt_totals_add(self._outcomes)])

    async def _send_all(self) -> None:
        """Start to send messages until none is due or the time is over, and return when all of them have ended."""
        deadline = monotonic() + _START_SECONDS
        running: set[asyncio.Task[None]] = set()
        try:
            while (left := deadline - monotonic()) > 0:
                claimed = await self._claimed() if len(running) < _CONCURRENT_MAX else []
                running |= {asyncio.create_task(self._process(each)) for each in claimed}
                if not running:
                    return
                if not claimed:
                    finished, running = await asyncio.wait(running, timeout=left, return_when=asyncio.FIRST_COMPLETED)
                    await asyncio.gather(*finished)
            await asyncio.gather(*running)
        finally:
            # A cancelled attempt is repeated when its lease ends.
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    async def _claimed(self) -> list[Claimed]:
        at = now()
        busy = [webhook_id for webhook_id, messages in self._in_flight.items() if messages >= _PER_WEBHOOK_MAX]
        async with self._pool.connection() as connection:
            claimed = await claim(
                connection,
                now=at,
                lease=at + LEASE,
                busy=busy,
                webhooks=_WEBHOOKS_MAX,
                each=_PER_WEBHOOK_MAX,
                failures_max=ORDERED_ATTEMPTS,
            )
        self._in_flight.update(each.webhook_id for each in claimed)
        return claimed

    async def _process(self, claimed: Claimed) -> None:
        try:
            await self._send(claimed)
        except (Unavailable, *UNAVAILABLE):
            raise
        except OrganizationIsDeleted:
            pass  # It was deleted while the message was on its way, so its webhook is not disabled.
        except Exception:  # noqa: BLE001 -- logged
            # One message that cannot be sent does not stop the others. It is retried when its lease ends.
            if _news(claimed.webhook_id):
                _log.exception("webhook_delivery_failed", webhook_id=claimed.webhook_id)
        finally:
            self._in_flight[claimed.webhook_id] -= 1

    async def _send(self, claimed: Claimed) -> None:
        at = now()
        try:
            target = await self._target(claimed, at)
        except DecryptionFailed:
            if _news("secrets"):
                _log.error("webhook_secret_decryption_failed", webhook_id=claimed.webhook_id)
            posted = PostResult(None, 0, _SEALED, "")
        else:
            headers = target.headers(claimed.delivery_id, at, claimed.body)
            posted = target.redacted(await post(self._egress, target.url, headers, claimed.body, ANSWER_SECONDS))
        await self._record(claimed, at, posted)

    async def _target(self, claimed: Claimed, at: datetime) -> WebhookTarget:
        async with self._pool.connection() as connection:
            stored = await secrets_of(connection, claimed.webhook_id)
        return open_target(
            self._sealer,
            stored,
            webhook_id=claimed.webhook_id,
            organization_id=claimed.organization_id,
            kind=claimed.kind,
            url=claimed.url,
            previous_valid_until=claimed.previous_valid_until,
            at=at,
        )

    async def _record(self, claimed: Claimed, at: datetime, posted: PostResult) -> None:
        self._outcomes = _count(self._outcomes, posted)
        attempt = Attempt(at, posted.status, posted.latency_ms, posted.error, posted.response)
        if posted.delivered:
            finished = Statement(SQL.delivery_finish, ("delivered", now(), claimed.delivery_id))
            success = Statement(SQL.record_success, (claimed.webhook_id, claimed.organization_id, now()))
            await self._write([attempt_add(claimed, attempt), finished, success])
            return
        is_gone = posted.status == _GONE
        requested_delay = _requested_delay(posted)
        step = _schedule_retry(claimed, requested_delay, gone=is_gone)
        hold = (
            []
            if requested_delay is None
            else [Statement(SQL.endpoint_hold, (now() + requested_delay, claimed.webhook_id))]
        )
        row = await self._write([attempt_add(claimed, attempt), step, record_failure(claimed, now()), *hold])
        failing = None if row is None else Failing(*row)
        if is_gone:
            await self._disable(claimed, "gone", failing)
        elif failing is not None and _should_disable(failing, now()):
            await self._disable(claimed, "failing", failing)

    async def _write(self, statements: Sequence[Statement]) -> tuple[Any, ...] | None:
        """Execute the statements in one transaction, and return the row of the one that returns any."""
        async with self._pool.connection() as connection, connection.transaction():
            async with connection.pipeline():
                cursors = [await connection.execute(query, parameters) for query, parameters in statements]
            returning = next((cursor for cursor in cursors if cursor.description), None)
            return None if returning is None else await returning.fetchone()

    async def _disable(self, claimed: Claimed, because: DisabledBecause, failing: Failing | None) -> None:
        """Disable the webhook and raise the alert about it, in one transaction."""
        at = now()
        failing_since = None if failing is None else failing.since
        command = DisableWebhook(at=at, because=because)
        alert = RaiseAlert(
            # The id makes the alert unique per failure, regardless of the worker that raises it.
            alert_id=alert_id(f"webhook.disabled {claimed.webhook_id} {failing_since}", failing_since or at),
            organization_id=claimed.organization_id,
            alert_type="webhook.disabled",
            severity="critical",
            at=at,
            numbers={
                "webhook_id": claimed.webhook_id,
                "because": because,
                "failing_since": None if failing_since is None else failing_since.isoformat().replace("+00:00", "Z"),
            },
        )
        await commands_on(self._pool).run(
            WEBHOOK,
            claimed.webhook_id,
            claimed.organization_id,
            command,
            origin=Origin(WEBHOOKS),
            at=at,
            related_commands=[RelatedCommand(ALERT, alert.alert_id, alert)],
        )


def _should_disable(failing: Failing, at: datetime) -> bool:
    return (
        at - failing.since >= timedelta(days=FAILING_DAYS_MAX)
        and failing.days >= FAILING_DAYS_MAX
        and failing.messages >= FAILING_MESSAGES_MIN
    )


def _count(outcomes: AttemptTotals, posted: PostResult) -> AttemptTotals:
    if posted.delivered:
        return outcomes._replace(delivered=outcomes.delivered + 1)
    if posted.status is not None:
        return outcomes._replace(refused=outcomes.refused + 1)
    return outcomes._replace(unanswered=outcomes.unanswered + 1)


def _requested_delay(posted: PostResult) -> timedelta | None:
    """Return the delay that the receiver requested, up to the maximum, or None."""
    if posted.retry_after_seconds is None:
        return None
    return min(timedelta(seconds=posted.retry_after_seconds), RETRY_AFTER_MAX)


def _schedule_retry(claimed: Claimed, requested_delay: timedelta | None, *, gone: bool) -> Statement:
    if gone:
        # Disabling closes this message with all others. If the worker dies before that, the next attempt disables the
        # webhook.
        return Statement(SQL.delivery_later, (now() + RETRY_DELAYS[0], claimed.delivery_id))
    # Count failures, not attempts: attempts of killed workers say nothing about the receiver.
    if claimed.failures >= len(RETRY_DELAYS):
        return Statement(SQL.delivery_finish, ("failed", now(), claimed.delivery_id))
    # Jitter: messages that failed together must not all retry together.
    jitter = random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 -- no secret
    # Never sooner than the regular delay: attempts are limited, and a receiver that asks for a second would use them
    # up.
    pause = max(RETRY_DELAYS[claimed.failures] * jitter, requested_delay or timedelta(0))
    return Statement(SQL.delivery_later, (now() + pause, claimed.delivery_id))
