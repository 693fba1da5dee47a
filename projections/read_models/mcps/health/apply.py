"""Derive the rows of the health of MCP servers from a change."""

from collections.abc import Iterable
from typing import Any

from domain.mcps.events import McpEvent, McpHealthChanged
from domain.mcps.state import Active, Deleted, ExistingMcp, McpState
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.mcps.health.queries import SQL


def apply(change: Change[Any, McpEvent]) -> Iterable[Statement]:
    before: McpState = change.before
    after: ExistingMcp = change.after
    if isinstance(after, Deleted):
        yield Statement(SQL.health_remove, (change.stream_id,))
        return
    if (
        before is None
        or type(before) is not type(after)
        or before.mcp.endpoint_changed_at != after.mcp.endpoint_changed_at
    ):
        # A server that is new, has another endpoint or is active again is checked immediately.
        due_at = change.at if isinstance(after, Active) and after.mcp.health_checks else None
        yield Statement(
            SQL.health_put, (change.stream_id, change.organization_id, after.mcp.endpoint_changed_at, due_at)
        )
    for event in change.events:
        if isinstance(event, McpHealthChanged):
            yield Statement(SQL.health_change, (event.health, change.stream_id))
