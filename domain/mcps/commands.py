"""What can be asked of an MCP."""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.environment import Environment
from domain.mcps.events import AuthType, Health
from domain.plans.plan import McpCounts


class RegisterMcp(Struct, frozen=True):
    """`endpoint_problem`: what the egress policy says against the address, None when it may be reached."""

    mcp_id: str
    organization_id: str
    name: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    at: datetime
    by: Actor
    census: McpCounts
    endpoint_problem: str | None = None
    description: str = ""


class ChangeMcp(Struct, frozen=True):
    """Any of the fields; one that is UNSET stays as it is. `auth_type` comes with a whole new credential, or "none"."""

    at: datetime
    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    endpoint_url: str | UnsetType = UNSET
    endpoint_problem: str | None = None
    environment: Environment | UnsetType = UNSET
    auth_type: AuthType | UnsetType = UNSET
    status: Literal["active", "inactive"] | UnsetType = UNSET


class RecordHealth(Struct, frozen=True):
    """How the server was found. `endpoint_changed_at`: of the MCP that was asked, which may have moved on since."""

    health: Health
    endpoint_changed_at: datetime
    at: datetime
    reason: str | None = None


class DeleteMcp(Struct, frozen=True):
    at: datetime


McpCommand = RegisterMcp | ChangeMcp | RecordHealth | DeleteMcp
