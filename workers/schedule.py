"""The table of rq's cron: which job, how often. In which order a worker takes what waits: `workers/fair_order.py`."""

from collections.abc import Callable
from typing import NamedTuple

from workers.jobs import apply_retention as retention
from workers.jobs.aggregate_usage import aggregate_usage
from workers.jobs.check_mcp_health import check_mcp_health
from workers.jobs.deliver_mail import deliver_mail
from workers.jobs.deliver_webhooks import deliver_webhooks
from workers.jobs.detect_anomalies import detect_anomalies
from workers.jobs.expire_keys import expire_keys
from workers.jobs.follow_changes import follow_changes
from workers.jobs.forget_deliveries import forget_deliveries
from workers.jobs.forget_idempotency_keys import forget_idempotency_keys
from workers.jobs.forget_sign_ins import forget_sign_ins
from workers.jobs.mail_alerts import mail_alerts
from workers.jobs.make_partitions import make_partitions
from workers.jobs.retire_secrets import retire_secrets
from workers.jobs.warn_of_expiry import warn_of_expiry
from workers.jobs.warn_of_quota import warn_of_quota

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
    Scheduled(warn_of_expiry, _MINUTE),
    Scheduled(make_partitions, _HOUR),
    Scheduled(aggregate_usage, 1, waits=True),
    Scheduled(follow_changes, 1),
    Scheduled(detect_anomalies, 5),
    Scheduled(warn_of_quota, _MINUTE),
    Scheduled(mail_alerts, 1),
    Scheduled(forget_idempotency_keys, _MINUTE),
    Scheduled(forget_sign_ins, _MINUTE),
    Scheduled(forget_deliveries, _MINUTE),
    Scheduled(deliver_mail, 1, waits=True),
    Scheduled(check_mcp_health, 5, waits=True),
    Scheduled(deliver_webhooks, 1, waits=True),
    Scheduled(retention.apply_retention, _HOUR, waits=True, seconds_max=retention.SECONDS_MAX + _MINUTE),
)

QUEUES = tuple(scheduled.name for scheduled in SCHEDULE)
SWIFT = tuple(scheduled.name for scheduled in SCHEDULE if not scheduled.waits)
WAITING = tuple(scheduled.name for scheduled in SCHEDULE if scheduled.waits)
