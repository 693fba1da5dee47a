"""Declaration of the health of MCP servers.

It is observed between events, so only a part of it follows from the log.
"""

from typing import NamedTuple

from domain.mcps.decider import MCP
from domain.mcps.state import Active, Deleted, ExistingMcp
from eventstore.execute import InlineProjection
from infrastructure.database.statements import load
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, each_stream
from projections.read_models.mcps.health.apply import apply


class _Queries(NamedTuple):
    mcp_health_all: bytes


_SQL = load(_Queries, __file__, "check.sql")


def _row(state: ExistingMcp) -> Row | None:
    """Return the row of a server.

    Every server has a row until it is deleted. Only active ones with health checks are due for one.
    """
    if isinstance(state, Deleted):
        return None
    mcp = state.mcp
    is_due = isinstance(state, Active) and mcp.health_checks
    return mcp.id, mcp.organization_id, mcp.endpoint_changed_at, is_due, mcp.unhealthy


READ_MODEL = ReadModel(
    name="mcp_health",
    module=__name__,
    underivable={
        "mcp_health": "no event contains what was observed between two events; `eventstore check` verifies the rest"
    },
    inline=InlineProjection(frozenset({MCP.kind}), apply),
    rows=(
        FoldedRows(
            "mcp_health",
            ("mcp_id", "organization_id", "moved_at", "due_at", "health"),
            each_stream(MCP.kind, _row),
            query=_SQL.mcp_health_all,
        ),
    ),
)
