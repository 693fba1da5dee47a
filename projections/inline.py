"""The read models that change with the log in one transaction, in the order in which their rows are locked."""

from eventstore.execute import InlineModel
from projections.alert_list.apply import apply as alert_list
from projections.expiry_watch.apply import apply as expiry_watch
from projections.invitation_list.apply import apply as invitation_list
from projections.key_lineage.apply import apply as key_lineage
from projections.key_list.apply import apply as key_list
from projections.key_recency.apply import apply as key_recency
from projections.key_state.apply import apply as key_state
from projections.mail_preferences.apply import apply as mail_preferences
from projections.mcp_health.apply import apply as mcp_health
from projections.mcp_list.apply import apply as mcp_list
from projections.member_list.apply import apply as member_list
from projections.organization_guard.apply import apply as organization_guard
from projections.organization_list.apply import apply as organization_list
from projections.sessions.apply import apply as sessions
from projections.webhook_list.apply import apply as webhook_list
from projections.webhook_outbox.apply import apply as webhook_outbox

INLINE: tuple[InlineModel, ...] = (
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
