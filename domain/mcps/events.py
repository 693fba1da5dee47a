"""Events of an MCP server that an organization registered.

The evolution rules in `domain/keys/events.py` apply here too. No event contains an upstream credential, only its type.
The encrypted value is in the table `mcp_credentials`, from which it can be erased.
"""

from datetime import datetime
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

from domain.actor import Actor
from domain.environment import Environment

AuthType = Literal["none", "bearer", "api_key", "basic", "query"]
Health = Literal["healthy", "unhealthy"]


class McpRegistered(Struct, frozen=True, tag_field="type", tag="mcp.created"):
    """The MCP was registered. `health_checks` false: its health is not checked. The field is absent otherwise."""

    mcp_id: str
    organization_id: str
    name: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    created_at: datetime
    created_by: Actor
    description: str = ""
    health_checks: Literal[False] | UnsetType = UNSET


class McpChanged(Struct, frozen=True, tag_field="type", tag="mcp.updated"):
    """The MCP was changed. Contains all changeable fields. `credential_replaced`: the credential is new.

    `health_checks`: as in `McpRegistered`.
    """

    name: str
    description: str
    endpoint_url: str
    environment: Environment
    auth_type: AuthType
    changed_at: datetime
    credential_replaced: bool = False
    health_checks: Literal[False] | UnsetType = UNSET


class McpDeactivated(Struct, frozen=True, tag_field="type", tag="mcp.deactivated"):
    """The MCP was deactivated. No key reaches it until it is activated again."""

    deactivated_at: datetime


class McpActivated(Struct, frozen=True, tag_field="type", tag="mcp.activated"):
    activated_at: datetime


class McpHealthChanged(Struct, frozen=True, tag_field="type", tag="mcp.health_changed"):
    """The server stopped responding, or responds again. A new server that responds is expected and has no event."""

    health: Health
    checked_at: datetime
    reason: str | None = None
    """The error code of the last attempt, such as `mcp_unreachable`, or None if the server responded."""


class McpDeleted(Struct, frozen=True, tag_field="type", tag="mcp.deleted"):
    """The MCP was deleted and is unreachable for every key. The log keeps its history."""

    deleted_at: datetime


McpEvent = McpRegistered | McpChanged | McpDeactivated | McpActivated | McpHealthChanged | McpDeleted
