"""Declaration of the webhook list. Secrets are in a separate table."""

from domain.webhooks.decider import WEBHOOK
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, each_stream
from projections.read_models.webhooks.list.apply import apply, put

_COLUMNS = (
    "webhook_id",
    "organization_id",
    "kind",
    "url",
    "events",
    "description",
    "status",
    "because",
    "created_at",
    "updated_at",
    "secret_version",
    "previous_valid_until",
    "revision",
)


READ_MODEL = ReadModel(
    name="webhook_list",
    module=__name__,
    tables=("webhook_list",),
    side_tables=("webhook_secrets",),
    underivable={"webhook_secrets": "secrets are encrypted, and no event contains them"},
    inline=InlineProjection(frozenset({WEBHOOK.kind}), apply),
    rows=(FoldedRows("webhook_list", _COLUMNS, each_stream(WEBHOOK.kind, lambda state: put(state).parameters)),),
)
