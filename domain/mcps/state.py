"""The states of an MCP."""

from datetime import datetime

from msgspec import Struct

from domain.environment import Environment
from domain.mcps.events import AuthType


class Mcp(Struct, frozen=True):
    """`endpoint_changed_at`: since when calls go to this address with this credential. `unhealthy`: no answer there."""

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


class Active(Struct, frozen=True, tag_field="status", tag="active"):
    mcp: Mcp


class Inactive(Struct, frozen=True, tag_field="status", tag="inactive"):
    """It keeps its place in the plan and its credential; no key reaches it."""

    mcp: Mcp


class Deleted(Struct, frozen=True, tag_field="status", tag="deleted"):
    mcp: Mcp
    deleted_at: datetime


Registered = Active | Inactive
ExistingMcp = Registered | Deleted
McpState = ExistingMcp | None
