"""Declaration of the list of alerts."""

from domain.alerts.decider import ALERT
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, each_stream
from projections.read_models.alerts.list.apply import apply
from projections.read_models.alerts.list.queries import alert_put

_COLUMNS = (
    "alert_id",
    "organization_id",
    "type",
    "severity",
    "key_id",
    "numbers",
    "raised_at",
    "acknowledged_at",
    "acknowledged_by",
    "revision",
)


READ_MODEL = ReadModel(
    name="alert_list",
    module=__name__,
    tables=("alert_list",),
    inline=InlineProjection(frozenset({ALERT.kind}), apply),
    rows=(FoldedRows("alert_list", _COLUMNS, each_stream(ALERT.kind, lambda state: alert_put(state).parameters)),),
)
