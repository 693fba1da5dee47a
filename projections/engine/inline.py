"""The read models that change with the log in one transaction, in the order in which their rows are locked."""

from eventstore.execute import InlineProjection
from projections.outboxes.webhooks.apply import apply as webhook_outbox
from projections.read_models.alerts.list.apply import apply as alert_list
from projections.read_models.invitations.list.apply import apply as invitation_list
from projections.read_models.keys.by_creator.apply import apply as key_lineage
from projections.read_models.keys.expiry_schedule.apply import apply as expiry_watch
from projections.read_models.keys.last_used.apply import apply as key_recency
from projections.read_models.keys.list.apply import apply as key_list
from projections.read_models.keys.state.apply import apply as key_state
from projections.read_models.mcps.health.apply import apply as mcp_health
from projections.read_models.mcps.list.apply import apply as mcp_list
from projections.read_models.members.list.apply import apply as member_list
from projections.read_models.members.mail_preferences.apply import apply as mail_preferences
from projections.read_models.organizations.counts.apply import apply as organization_guard
from projections.read_models.organizations.list.apply import apply as organization_list
from projections.read_models.webhooks.list.apply import apply as webhook_list
from projections.records.sessions.apply import apply as sessions

INLINE: tuple[InlineProjection, ...] = (
    organization_guard,
    organization_list,
    key_state,
    key_list,
    key_recency,
    key_lineage,
    mcp_list,
    mcp_health,
    member_list,
    mail_preferences,
    invitation_list,
    sessions,
    expiry_watch,
    alert_list,
    webhook_list,
    webhook_outbox,
)
