"""What can happen to an MCP server that an organization registered.

The law of `domain/keys/events.py` holds here too. Upstream credentials are no part of any event: the event says only
of what kind the credential is; the sealed value lies in the table `mcp_credentials`, from which it can be erased.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.actor import Actor
from domain.environment import Environment

AuthType = Literal["none", "bearer", "api_key", "basic", "query"]
Health = Literal["healthy", "unhealthy"]


class McpRegistered(Struct, frozen=True, tag_field="type", tag="mcp.created"):
    mcp_id: str
    organization_id: str
    name: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    created_at: datetime
    created_by: Actor
    description: str = ""


class McpChanged(Struct, frozen=True, tag_field="type", tag="mcp.updated"):
    """All that can be changed, as it is from now on. `credential_replaced`: the sealed value is another one."""

    name: str
    description: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    changed_at: datetime
    credential_replaced: bool = False


class McpDeactivated(Struct, frozen=True, tag_field="type", tag="mcp.deactivated"):
    """No key reaches the MCP until it is activated again."""

    deactivated_at: datetime


class McpActivated(Struct, frozen=True, tag_field="type", tag="mcp.activated"):
    activated_at: datetime


class McpHealthChanged(Struct, frozen=True, tag_field="type", tag="mcp.health_changed"):
    """The server stopped answering, or answers again. That a new one answers is what everyone expects: no event."""

    health: Health
    checked_at: datetime
    reason: str | None = None
    """The error code of the last attempt, such as `mcp_unreachable`; None when it answered."""


class McpDeleted(Struct, frozen=True, tag_field="type", tag="mcp.deleted"):
    """The MCP is out of reach for every key; what happened with it stays in the log."""

    deleted_at: datetime


McpEvent = McpRegistered | McpChanged | McpDeactivated | McpActivated | McpHealthChanged | McpDeleted
