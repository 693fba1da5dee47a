"""States of an MCP."""

from datetime import datetime

from msgspec import Struct

from domain.environment import Environment
from domain.mcps.events import AuthType


class Mcp(Struct, frozen=True):
    """Fields of every MCP. `endpoint_changed_at`: since when results of health checks apply.

    This is when the address or credential last changed, or the health checks were turned on or off. `unhealthy`: the
    server does not respond there. Without `health_checks`, its health is unknown.
    """

    id: str
    organization_id: str
    name: str
    description: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    created_at: datetime
    revision: int
    updated_at: datetime
    endpoint_changed_at: datetime
    unhealthy: bool = False
    health_checks: bool = True


class Active(Struct, frozen=True, tag_field="status", tag="active"):
    mcp: Mcp


class Inactive(Struct, frozen=True, tag_field="status", tag="inactive"):
    """An inactive MCP still counts towards the plan and keeps its credential. No key reaches it."""

    mcp: Mcp


class Deleted(Struct, frozen=True, tag_field="status", tag="deleted"):
    mcp: Mcp
    deleted_at: datetime


Registered = Active | Inactive
ExistingMcp = Registered | Deleted
McpState = ExistingMcp | None
