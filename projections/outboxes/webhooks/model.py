"""Declaration of the outbox of webhooks. A rebuild derives none of it, or messages would be sent twice."""

from domain.webhooks.decider import WEBHOOK
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.outboxes.webhooks.apply import apply
from projections.outboxes.webhooks.follow import WEBHOOK_OUTBOX

READ_MODEL = ReadModel(
    name="webhook_outbox",
    module=__name__,
    underivable={
        "webhook_deliveries": "an outbox: what was sent is not sent again",
        "webhook_attempts": "no event contains the responses of receivers",
        "webhook_endpoint_health": "no event contains the responses of receivers",
        "webhook_attempt_totals": "no event contains the responses of receivers",
    },
    inline=InlineProjection(frozenset({WEBHOOK.kind}), apply),
    projection=WEBHOOK_OUTBOX,
)
