"""Events and uses of a key."""

from datetime import datetime

from msgspec import Struct


class Actor(Struct, frozen=True):
    """The actor of an event. `name`: a person's address or a key's name, None if it was erased or is hidden."""

    id: str
    type: str = "user"
    name: str | None = None


class Activity(Struct, frozen=True, kw_only=True):
    """A change (`event` such as `api_key.revoked`) or a use (`api_key.used`, with `action`, and `reason` if denied).

    `status`: success, denied, error, or started (a call with an unknown outcome). `revision`: the key's revision that
    the decision is based on. `secret_version`: the secret that was presented.
    """

    id: str
    timestamp: datetime
    event: str
    actor: Actor
    status: str
    action: str | None = None
    reason: str | None = None
    mcp_id: str | None = None
    mcp_name: str | None = None
    tool: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    country: str | None = None
    latency_ms: int | None = None
    revision: int | None = None
    secret_version: int | None = None
