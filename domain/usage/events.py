"""Events about the use of a key.

The evolution rules in `domain/keys/events.py` apply here too: a released event never changes.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Action = Literal["verify", "check", "call", "manage"]
"""verify: a caller verified the key · check: a reverse proxy did · call: a tool call · manage: a management route."""

Denial = Literal[
    "unauthorized",
    "expired_key",
    "revoked_key",
    "disabled_key",
    "forbidden",
    "ip_not_permitted",
    "not_found",
    "mcp_not_permitted",
    "tool_not_permitted",
    "environment_mismatch",
    "quota_exceeded",
    "rate_limited",
    "invalid_request",
]
Code = Literal["valid"] | Denial

CallStatus = Literal["success", "error"]

CALL_TIMEOUT_MS_MAX = 120_000
"""The longest time that a caller can give an MCP server, and therefore nearly the longest duration of a call."""


class KeyUsed(Struct, frozen=True, tag_field="type", tag="api_key.used", omit_defaults=True):
    """A key was presented and allowed (`code` "valid") or denied, with the reason.

    `key_id` is absent if the secret is unknown. `organization_id` is then that of the calling key, or absent too.
    `revision` is the revision of the key that the decision is based on. `caller_key_id` is the key that verified this
    one. `billed`: the use counts towards the organization's quota. `ends_previous`: this was the first accepted use of
    a rotated secret and ended the earlier ones. `caller_secret_version`: the same happened to the calling key, which
    used this secret; otherwise absent. `caller_version`: the secret that the calling key used, if it had several that
    worked.
    """

    id: str
    occurred_at: datetime
    action: Action
    code: Code
    organization_id: str | None = None
    key_id: str | None = None
    revision: int | None = None
    secret_version: int | None = None
    mcp_id: str | None = None
    tool: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None
    caller_key_id: str | None = None
    billed: bool = False
    ends_previous: bool = False
    caller_secret_version: int | None = None
    caller_version: int | None = None


class CallCompleted(Struct, frozen=True, tag_field="type", tag="mcp.call_completed", omit_defaults=True):
    """The tool call authorized by the use `call_id` has ended.

    A use with action `call` but without this event has started, with an unknown outcome.
    """

    id: str
    occurred_at: datetime
    call_id: str
    organization_id: str
    key_id: str
    mcp_id: str
    tool: str
    status: CallStatus
    latency_ms: int
    response_bytes: int = 0
    error: str | None = None


UsageEvent = KeyUsed | CallCompleted
