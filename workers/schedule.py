"""The table of rq's cron: which job, how often. In which order a worker takes what waits: `workers/fair_order.py`."""

from collections.abc import Callable
from typing import NamedTuple

from workers.jobs import apply_retention as retention
from workers.jobs.aggregate_usage import aggregate_usage
from workers.jobs.check_mcp_health import check_mcp_health
from workers.jobs.compose_alert_mails import compose_alert_mails
from workers.jobs.create_partitions import create_partitions
from workers.jobs.deliver_mail import deliver_mail
from workers.jobs.deliver_webhooks import deliver_webhooks
from workers.jobs.detect_anomalies import detect_anomalies
from workers.jobs.expire_keys import expire_keys
from workers.jobs.purge_deliveries import purge_deliveries
from workers.jobs.purge_idempotency_keys import purge_idempotency_keys
from workers.jobs.purge_sign_ins import purge_sign_ins
from workers.jobs.raise_expiry_alerts import raise_expiry_alerts
from workers.jobs.raise_quota_alerts import raise_quota_alerts
from workers.jobs.retire_secrets import retire_secrets
from workers.jobs.run_lifecycle_projections import run_lifecycle_projections

_MINUTE = 60
_HOUR = 3_600


class Scheduled(NamedTuple):
    """A job and the seconds between two ticks. It waits in a queue of its own, which bears its name.

    `waits`: for servers that are not ours, for a disk, or for a page of many uses, for seconds at times. It has a
    process of its own, so that no key has to wait for them to expire. `seconds_max`: how long it may take.
    """

    job: Callable[[], None]
    seconds: int
    waits: bool = False
    seconds_max: int = _MINUTE

    @property
    def name(self) -> str:
        return self.job.__name__


SCHEDULE = (
    Scheduled(expire_keys, 1),
    Scheduled(retire_secrets, 1),
    Scheduled(raise_expiry_alerts, _MINUTE),
    Scheduled(create_partitions, _HOUR),
    Scheduled(aggregate_usage, 1, waits=True),
    Scheduled(run_lifecycle_projections, 1),
    Scheduled(detect_anomalies, 5),
    Scheduled(raise_quota_alerts, _MINUTE),
    Scheduled(compose_alert_mails, 1),
    Scheduled(purge_idempotency_keys, _MINUTE),
    Scheduled(purge_sign_ins, _MINUTE),
    Scheduled(purge_deliveries, _MINUTE),
    Scheduled(deliver_mail, 1, waits=True),
    Scheduled(check_mcp_health, 5, waits=True),
    Scheduled(deliver_webhooks, 1, waits=True),
    Scheduled(retention.apply_retention, _HOUR, waits=True, seconds_max=retention.SECONDS_MAX + _MINUTE),
)

QUEUES = tuple(scheduled.name for scheduled in SCHEDULE)
SWIFT = tuple(scheduled.name for scheduled in SCHEDULE if not scheduled.waits)
WAITING = tuple(scheduled.name for scheduled in SCHEDULE if scheduled.waits)
