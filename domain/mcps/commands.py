"""Commands on an MCP."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.environment import Environment
from domain.mcps.events import AuthType, Health
from domain.plans.plan import McpCounts


class RegisterMcp(Struct, frozen=True):
    """Register an MCP. `endpoint_problem`: why the egress policy rejects the address; None: it may be reached.

    `health_checks` false: the service is not an MCP server, and only gateways ask about its keys.
    """

    mcp_id: str
    organization_id: str
    name: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    at: datetime
    by: Actor
    counts: McpCounts
    endpoint_problem: str | None = None
    description: str = ""
    health_checks: bool = True


class ChangeMcp(Struct, frozen=True):
    """Change some of the fields. A field that is UNSET stays unchanged.

    `auth_type` requires a complete new credential, or is "none".
    """

    at: datetime
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    endpoint_url: str | UnsetType = UNSET
    endpoint_problem: str | None = None
    environment: Environment | UnsetType = UNSET
    auth_type: AuthType | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET
    health_checks: bool | UnsetType = UNSET


class RecordHealth(Struct, frozen=True):
    """Record the result of a health check.

    `endpoint_changed_at` belongs to the endpoint that was checked. The MCP may have another endpoint by now.
    """

    health: Health
    endpoint_changed_at: datetime
    at: datetime
    reason: str | None = None


class DeleteMcp(Struct, frozen=True):
    at: datetime


McpCommand = RegisterMcp | ChangeMcp | RecordHealth | DeleteMcp
