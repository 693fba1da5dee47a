"""Job, every minute: raise an alert when an organization reaches 80, 95 or 100 per cent of its monthly quota.

Each stage is reported once: one transaction contains the alert and the note that it was raised, and the id of the alert
is derived from its subject.
"""

from domain.actor import QUOTA_ALERTS
from domain.alerts.quota_stages import quota_alert, stage_reached
from domain.usage.quota import month_of
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.settings import Settings
from projections.outboxes.quota_alerts_sent.queries import record_alert, usage_and_alerts
from workers.job import Job
from workers.job_runner import run_job_with_config
from workers.raise_alert import raise_alert


def raise_quota_alerts() -> None:
    run_job_with_config(warn)


JOB = Job(raise_quota_alerts, every=60)


async def warn(pool: Pool, config: Settings) -> None:
    at = now()
    month = month_of(at)
    async with pool.connection() as connection:
        usages = await usage_and_alerts(connection, month)
    for usage in usages:
        quota = config.plans[usage.plan].monthly_requests
        if quota is None:
            continue
        stage = stage_reached(usage.used, quota)
        if stage is None or any(stage <= raised for limit, raised in usage.alerted if limit == quota):
            continue
        alert = quota_alert(usage.organization_id, month, quota, usage.used, stage, at)
        await raise_alert(
            pool, QUOTA_ALERTS, alert, extra_statements=[record_alert(usage.organization_id, month, quota, stage)]
        )
