"""Declaration of the list of MCPs."""

from domain.mcps.decider import MCP
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, each_stream
from projections.read_models.mcps.list.apply import apply, put

_COLUMNS = (
    "mcp_id",
    "organization_id",
    "name",
    "description",
    "endpoint_url",
    "environment",
    "auth_type",
    "status",
    "created_at",
    "updated_at",
    "revision",
    "deleted_at",
    "health_checks",
)


READ_MODEL = ReadModel(
    name="mcp_list",
    module=__name__,
    tables=("mcp_list",),
    side_tables=("mcp_credentials",),
    underivable={"mcp_credentials": "credentials are encrypted, and no event contains them"},
    inline=InlineProjection(frozenset({MCP.kind}), apply),
    rows=(FoldedRows("mcp_list", _COLUMNS, each_stream(MCP.kind, lambda state: put(state).parameters)),),
)
