"""Declaration of the schedule of expiry alerts."""

from collections.abc import Iterator

from domain.alerts.decider import ALERT
from domain.keys.decider import KEY
from domain.keys.state import Active, Disabled
from eventstore.check import Streams
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row
from projections.read_models.keys.expiry_schedule.apply import apply


def _rows(streams: Streams) -> Iterator[Row]:
    for key_id, stream in streams.items():
        if isinstance(stream.state, Active | Disabled):
            yield key_id, stream.state.key.expires_at


READ_MODEL = ReadModel(
    name="expiry_watch",
    module=__name__,
    tables=("expiry_watch",),
    inline=InlineProjection(frozenset({KEY.kind, ALERT.kind}), apply),
    rows=(
        # A key whose last alert was raised has no row.
        FoldedRows("expiry_watch", ("key_id", "expires_at"), _rows, complete=False),
    ),
)
