"""The read models that follow a log, and the checks of what they hold."""

from typing import Any

from eventstore.check import Check
from projections.alert_notices.follow import ALERT_NOTICES
from projections.anomaly_watch.follow import ANOMALY_WATCH
from projections.following import Follower
from projections.key_recency.follow import KEY_RECENCY
from projections.quota.check import check_quota
from projections.usage.apply import USAGE
from projections.usage.check import check_usage
from projections.webhook_outbox.follow import WEBHOOK_OUTBOX

OF_USES: tuple[Follower[Any], ...] = (USAGE, KEY_RECENCY, ANOMALY_WATCH)
OF_CHANGES: tuple[Follower[Any], ...] = (ALERT_NOTICES, WEBHOOK_OUTBOX)
FOLLOWERS: tuple[Follower[Any], ...] = (*OF_USES, *OF_CHANGES)


def follower_checks() -> tuple[Check, ...]:
    return (check_usage, check_quota)
