"""Work that becomes due in rounds, and a check that all of its results exist: alerts, webhook deliveries and mails.

Each round creates a key that expires soon and whose revoked secret is used; a key that reaches its expiry alert of a
week and is refused often; an address that presents unknown keys; and an organization that reaches 80 percent of its
monthly quota, while those of the two previous rounds reach 95 and 100 percent.
"""

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import msgspec

from domain.alerts.events import AlertRaised
from domain.alerts.quota_stages import STAGES_PERCENT, stage_reached
from domain.keys.events import KeyExpired
from domain.members.notifications import Notifications, wants_mail
from domain.usage.events import UsageEvent
from domain.webhooks.event_names import public_event_name
from eventstore.lanes import lane_of
from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.geoip import geolocator
from projections.read_models.usage.check import check_usage
from tests import seed
from tests.projections.usage.uses import append, used
from tests.stories.flaky_receiver import RandomFailures
from tests.workers import hooks
from tests.workers.log_view import number
from tests.workers.mail_server import MailServer
from tests.workers.receiver import Receiver
from workers.anomaly_replay import ReplayPeriod, replay

QUOTA = 100
SETTINGS = {
    **hooks.SETTINGS,
    "KEYLEDGER_PLANS": f'{{"pro": {{"monthly_requests": {QUOTA}}}}}',
    "MAIL_FROM": "keys@example.org",
}

_CLIMB = (80, 15, 5)
_REFUSED = 25
"""So many within minutes raise an alert."""
_SOON = timedelta(seconds=0.3)
_STAGE_DAYS = 7
_BATCH = 20
_PRODUCERS = 5

Name = tuple[object, ...]
"""The subject of an alert, which is unique."""


@dataclass(slots=True)
class Due:
    """`climbing`: organizations that use up their quota. `delivered`: events that webhooks accepted in `sent` attempts.

    `must`: alerts that must be raised. `may`: alerts that may be raised. `meanwhile`: the number of alerts that were
    raised before the last use was written.
    """

    organization_id: str
    target: Receiver
    failures: RandomFailures
    mails: MailServer
    uses: int = 0
    expiring: list[str] = field(default_factory=list[str])
    ending: list[str] = field(default_factory=list[str])
    climbing: list[str] = field(default_factory=list[str])
    must: set[Name] = field(default_factory=set[Name])
    may: set[Name] = field(default_factory=set[Name])
    meanwhile: int = 0
    delivered: int = 0
    sent: int = 0
    mailed: int = 0


async def begin(pool: Pool, target: Receiver, failures: RandomFailures, mails: MailServer) -> Due:
    target.answer = failures
    return Due(await _organization(pool, target, "team"), target, failures, mails)


async def make_due(pool: Pool, due: Due, dice: random.Random) -> None:
    expiring, _ = await seed.key(pool, due.organization_id, expires_at=now() + _SOON)
    ending, _ = await seed.key(pool, due.organization_id, expires_at=now() + timedelta(days=_STAGE_DAYS) + _SOON)
    due.expiring.append(expiring)
    due.ending.append(ending)
    due.climbing.append(await _organization(pool, due.target, "pro"))
    uses = [*_refused(due, expiring, ending), *_billed(due)]
    dice.shuffle(uses)
    async with pool.connection() as connection:
        for start in range(0, len(uses), _BATCH):
            batch = uses[start : start + _BATCH]
            await append(connection, f"due{dice.randrange(_PRODUCERS)}", now(), batch)
            due.uses += len(batch)


async def derive_expected(url: str, pool: Pool, due: Due) -> None:
    """Derive the expected alerts from the log, to which nothing is written any longer."""
    due.must |= {("api_key.expiring", key_id, _STAGE_DAYS) for key_id in due.ending}
    at = now()
    period = ReplayPeriod(at - timedelta(hours=3), at + timedelta(hours=1), due.organization_id)
    for alert in await replay(url, period, geolocator(None), {}):
        due.must.add((alert.type, alert.subject, alert.numbers["most_frequent_reason"]))
    async with pool.connection() as connection:
        due.meanwhile = sum(isinstance(each.event, AlertRaised) for each in await _recorded(connection, due))
        cursor = await connection.execute(_BILLED, (due.climbing,))
        for organization_id, month, billed in await cursor.fetchall():
            reached = stage_reached(billed, QUOTA) or 0
            # If several stages are passed together, only the highest raises an alert; none is raised for a past month.
            (due.must if month == f"{at:%Y-%m}" else due.may).add((_QUOTA, organization_id, month, reached))
            due.may |= {(_QUOTA, organization_id, month, stage) for stage in STAGES_PERCENT if stage < reached}


async def missing(pool: Pool, due: Due, *, allow_delayed: bool) -> list[str]:
    """Return the results that are still missing. Fail if a result is duplicated, miscounted or unexpected.

    `allow_delayed`: mails that wait for ten minutes by design do not count as missing.
    """
    async with pool.connection() as connection:
        recorded = await _recorded(connection, due)
        return [
            *await _uncounted(connection, due),
            *_unrecorded(due, recorded),
            *await _undelivered(connection, due, recorded),
            *await _unmailed(connection, due, recorded, allow_delayed=allow_delayed),
        ]


async def skip_waits(pool: Pool) -> None:
    """Make all waiting messages and mails due, as if their delay had passed."""
    async with pool.connection() as connection:
        await connection.execute(b"update webhook_deliveries set due_at = created_at where status = 'pending'")
        await connection.execute(b"update mail_outbox set due_at = created_at where sealed is not null")
        await connection.execute(
            b"update alert_notices set settled_at = created_at - interval '1 hour' where mail_id is not null"
        )


async def _organization(pool: Pool, target: Receiver, plan: Any) -> str:  # noqa: ANN401
    """Create an organization with a webhook for all events and an owner who receives mails."""
    organization_id = await seed.organization(pool, plan)
    await hooks.webhook(pool, organization_id, target)
    await seed.member(pool, organization_id, "owner")
    return organization_id


def _refused(due: Due, expiring: str, ending: str) -> list[UsageEvent]:
    at, ours = now(), due.organization_id
    address = f"2001:db8::{len(due.ending):x}"
    unknown = [used(None, at, code="unauthorized") for _ in range(_REFUSED)]
    return [
        *(used(expiring, at, code="revoked_key", organization_id=ours) for _ in range(2)),
        *(used(ending, at, code="ip_not_permitted", organization_id=ours) for _ in range(_REFUSED)),
        *(msgspec.structs.replace(use, organization_id=ours, ip=address) for use in unknown),
    ]


def _billed(due: Due) -> list[UsageEvent]:
    at = now()
    return [
        used(f"key_of_{organization_id}", at, organization_id=organization_id, billed=True)
        for organization_id, times in zip(reversed(due.climbing), _CLIMB, strict=False)
        for _ in range(times)
    ]


async def _recorded(connection: Connection, due: Due) -> list[Recorded[Any]]:
    organizations = {due.organization_id, *due.climbing}
    return [
        each
        for lane in sorted({*map(lane_of, organizations)})
        for each in await read_lifecycle(connection, lane, 0, 1_000_000)
        if each.record.organization_id in organizations
    ]


async def _uncounted(connection: Connection, due: Due) -> list[str]:
    assert await number(connection, b"select count(*) from usage_events") == due.uses
    assert await check_usage(connection) == []
    counted = await number(connection, b"select sum(events)::bigint from usage_counts")
    return [f"{due.uses - counted} uses are not counted"] if counted != due.uses else []


def _unrecorded(due: Due, recorded: list[Recorded[Any]]) -> list[str]:
    expired = Counter(each.record.stream_id for each in recorded if isinstance(each.event, KeyExpired))
    raised = Counter(_name(each.event) for each in recorded if isinstance(each.event, AlertRaised))
    assert not [name for name, times in (*expired.items(), *raised.items()) if times > 1]
    assert set(expired) <= set(due.expiring)
    assert set(raised) <= due.must | due.may
    return [
        *(f"{key_id} has not expired" for key_id in due.expiring if key_id not in expired),
        *(f"there is no alert {name}" for name in due.must if name not in raised),
    ]


async def _undelivered(connection: Connection, due: Due, recorded: list[Recorded[Any]]) -> list[str]:
    """Return the events that the receiver has not accepted."""
    accepted: Mapping[str, set[str]] = due.failures.accepted_events(due.target)
    due.delivered, due.sent = len(accepted), len(due.target.received)
    happened = {
        each.record.id: each.record.type for each in recorded if public_event_name(each.record.type, each.event)
    }
    assert set(accepted) <= set(happened)
    waiting = await number(connection, b"select count(*) from webhook_deliveries where status <> 'delivered'")
    undelivered = (
        f"no webhook accepted {kind} {event_id}" for event_id, kind in happened.items() if event_id not in accepted
    )
    return [*undelivered, *([f"{waiting} messages are not delivered"] if waiting else [])]


async def _unmailed(
    connection: Connection, due: Due, recorded: list[Recorded[Any]], *, allow_delayed: bool
) -> list[str]:
    """Return the alerts that an owner wants and that no mail has reported. Fail if two mails report one alert."""
    arrived = {message["Message-ID"].strip("<").partition("@")[0] for _, _, message in due.mails.mailbox.messages}
    due.mailed = len(arrived)
    alerts = [each.event for each in recorded if isinstance(each.event, AlertRaised)]
    worth = {each.alert_id: each for each in alerts if _is_worth_a_mail(each)}
    rows = await (await connection.execute(b"select alert_id, organization_id, mail_id from alert_notices")).fetchall()
    mailed = {alert_id: mail_id for alert_id, _, mail_id in rows if mail_id is not None}
    assert {alert_id for alert_id, _, _ in rows} <= set(worth)
    assert len({alert_id for alert_id, _, _ in rows}) == len(rows)
    assert arrived <= set(mailed.values())
    notified = {organization_id for _, organization_id, mail_id in rows if mail_id in arrived}
    return [
        f"no mail reported {_name(alert)}"
        for alert_id, alert in worth.items()
        if mailed.get(alert_id) not in arrived
        and not (allow_delayed and alert_id not in mailed and alert.organization_id in notified)
    ]


def _is_worth_a_mail(alert: AlertRaised) -> bool:
    return wants_mail(Notifications(), "owner", alert.alert_type, alert.severity, own_key=False)


def _name(alert: AlertRaised) -> Name:
    numbers = alert.numbers
    match alert.alert_type:
        case "api_key.expiring":
            return (alert.alert_type, alert.key_id, numbers["days"])
        case "usage.threshold":
            return (alert.alert_type, alert.organization_id, numbers["month"], numbers["percentage"])
        case _:
            return (alert.alert_type, alert.key_id or numbers["address"], numbers["most_frequent_reason"])


_QUOTA = "usage.threshold"

_BILLED = b"""
    select organization_id, to_char(occurred_at at time zone 'UTC', 'YYYY-MM'), count(*)
    from usage_events where billed and organization_id = any(%s::text[]) group by 1, 2
"""
