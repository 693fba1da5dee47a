"""What can happen when a key is used.

The law of `domain/keys/events.py` holds here too: a released event is never changed.
"""

from datetime import datetime
from typing import Literal

from msgspec import Struct

Action = Literal["verify", "check", "call", "manage"]
"""verify: someone asked about the key · check: a reverse proxy did · call: a tool · manage: a management route."""

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


class KeyUsed(Struct, frozen=True, tag_field="type", tag="api_key.used", omit_defaults=True):
    """A key was presented: allowed (`code` "valid") or denied, with the reason.

    `key_id` is absent where the secret is nobody's; `organization_id` is then that of the key that asked about it, or
    absent too. `revision` is the revision of the key that decided; `caller_key_id` the key that asked about this one.
    `billed`: it counts towards the organization's quota. `ends_previous`: it was the first accepted use of a rotated
    secret, and with it ended the secrets before. `caller_secret_version`: the same happened to the key that asked, and
    this is the secret with which it asked; absent otherwise.
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


class CallCompleted(Struct, frozen=True, tag_field="type", tag="mcp.call_completed", omit_defaults=True):
    """The tool call that the use `call_id` had authorised came to an end.

    A use with action `call` and no such event: started, outcome unknown.
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
