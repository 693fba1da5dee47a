"""Every read model, outbox and record, in lock order, and the lists that follow from that tuple.

`execute` sends the statements of inline projections in this order. Therefore every change locks rows of read models in
the same order, and two changes cannot deadlock. Add a new folder by hand, at the position where its rows must be
locked.
"""

from collections.abc import Mapping
from typing import Any

from eventstore.check import Check, InlineCheck
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.runner import AsyncProjection
from projections.outboxes.alert_mail.model import READ_MODEL as ALERT_MAIL
from projections.outboxes.mail.model import READ_MODEL as MAIL
from projections.outboxes.quota_alerts_sent.model import READ_MODEL as QUOTA_ALERTS_SENT
from projections.outboxes.webhooks.model import READ_MODEL as WEBHOOK_OUTBOX
from projections.read_models.alerts.list.model import READ_MODEL as ALERT_LIST
from projections.read_models.anomalies.model import READ_MODEL as ANOMALIES
from projections.read_models.invitations.list.model import READ_MODEL as INVITATION_LIST
from projections.read_models.keys.by_creator.model import READ_MODEL as KEYS_BY_CREATOR
from projections.read_models.keys.expiry_schedule.model import READ_MODEL as EXPIRY_SCHEDULE
from projections.read_models.keys.last_used.model import READ_MODEL as KEYS_LAST_USED
from projections.read_models.keys.list.model import READ_MODEL as KEY_LIST
from projections.read_models.keys.state.model import READ_MODEL as KEY_STATE
from projections.read_models.mcps.health.model import READ_MODEL as MCP_HEALTH
from projections.read_models.mcps.list.model import READ_MODEL as MCP_LIST
from projections.read_models.members.list.model import READ_MODEL as MEMBER_LIST
from projections.read_models.members.mail_preferences.model import READ_MODEL as MAIL_PREFERENCES
from projections.read_models.organizations.billed_usage.model import READ_MODEL as BILLED_USAGE
from projections.read_models.organizations.counts.model import READ_MODEL as ORGANIZATION_COUNTS
from projections.read_models.organizations.list.model import READ_MODEL as ORGANIZATION_LIST
from projections.read_models.usage.model import READ_MODEL as USAGE
from projections.read_models.usage.organization_batches.model import READ_MODEL as ORGANIZATION_BATCHES
from projections.read_models.usage.organization_hours.model import READ_MODEL as ORGANIZATION_HOURS
from projections.read_models.webhooks.list.model import READ_MODEL as WEBHOOK_LIST
from projections.records.sessions.model import READ_MODEL as SESSIONS

READ_MODELS: tuple[ReadModel, ...] = (
    USAGE,
    ORGANIZATION_HOURS,
    ORGANIZATION_BATCHES,
    BILLED_USAGE,
    ORGANIZATION_COUNTS,
    ORGANIZATION_LIST,
    KEY_STATE,
    KEY_LIST,
    KEYS_LAST_USED,
    KEYS_BY_CREATOR,
    MCP_LIST,
    MCP_HEALTH,
    MEMBER_LIST,
    MAIL_PREFERENCES,
    INVITATION_LIST,
    SESSIONS,
    EXPIRY_SCHEDULE,
    ALERT_LIST,
    WEBHOOK_LIST,
    ANOMALIES,
    ALERT_MAIL,
    WEBHOOK_OUTBOX,
    MAIL,
    QUOTA_ALERTS_SENT,
)

REBUILDABLE: Mapping[str, ReadModel] = {model.name: model for model in READ_MODELS if model.tables}
"""The read models with tables that a rebuild derives from the log, by name."""

INLINE: tuple[InlineProjection, ...] = tuple([model.inline for model in READ_MODELS if model.inline])
"""The projections that change with the log in one transaction."""

ASYNC_PROJECTIONS: tuple[AsyncProjection[Any], ...] = tuple([m.projection for m in READ_MODELS if m.projection])
USAGE_PROJECTIONS = tuple([projection for projection in ASYNC_PROJECTIONS if projection.log == "usage"])
LIFECYCLE_PROJECTIONS = tuple([projection for projection in ASYNC_PROJECTIONS if projection.log == "lifecycle"])

INLINE_CHECKS: tuple[InlineCheck, ...] = tuple(
    [each.violations for model in READ_MODELS for each in (*model.rows, *model.rules)]
)
"""The comparisons of inline read models with the folded lifecycle log."""

USAGE_CHECKS: tuple[Check, ...] = tuple([check for model in READ_MODELS for check in model.checks])
"""The comparisons of counts with the usage log."""
