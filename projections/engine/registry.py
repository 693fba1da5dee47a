"""The read models that follow a log, and the checks of what they hold."""

from typing import Any

from eventstore.check import Check
from projections.engine.runner import AsyncProjection
from projections.outboxes.alert_mail.follow import ALERT_NOTICES
from projections.outboxes.webhooks.follow import WEBHOOK_OUTBOX
from projections.read_models.anomalies.follow import ANOMALY_WATCH
from projections.read_models.keys.last_used.follow import KEY_RECENCY
from projections.read_models.organizations.billed_usage.check import check_quota
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage

USAGE_PROJECTIONS: tuple[AsyncProjection[Any], ...] = (USAGE, KEY_RECENCY, ANOMALY_WATCH)
LIFECYCLE_PROJECTIONS: tuple[AsyncProjection[Any], ...] = (ALERT_NOTICES, WEBHOOK_OUTBOX)
ASYNC_PROJECTIONS: tuple[AsyncProjection[Any], ...] = (*USAGE_PROJECTIONS, *LIFECYCLE_PROJECTIONS)


def follower_checks() -> tuple[Check, ...]:
    return (check_usage, check_quota)
