"""Declaration of the keys by last use."""

from domain.keys.decider import KEY
from domain.keys.state import Existing
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, each_stream
from projections.read_models.keys.last_used.apply import apply
from projections.read_models.keys.last_used.follow import KEY_RECENCY


def _row(state: Existing) -> Row:
    key = state.key
    return key.id, key.organization_id, key.environment, state.__struct_config__.tag, key.created_at


READ_MODEL = ReadModel(
    name="key_recency",
    module=__name__,
    tables=("key_recency",),
    inline=InlineProjection(frozenset({KEY.kind}), apply),
    projection=KEY_RECENCY,
    rows=(
        # The remaining column, last_used, follows from the usage log.
        FoldedRows(
            "key_recency",
            ("key_id", "organization_id", "environment", "status", "created_at"),
            each_stream(KEY.kind, _row),
        ),
    ),
)
