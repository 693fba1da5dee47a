"""Events and uses of keys, and explanations of decisions."""

from datetime import datetime
from typing import Any

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


class NamedKey(Struct, frozen=True):
    id: str
    name: str | None = None


class KeyUse(Activity, frozen=True, kw_only=True):
    """A use. `key` is None if the secret belongs to no key. `actor` is the key that verified it, or the key itself."""

    key: NamedKey | None = None


class EndedCall(Struct, frozen=True):
    """The end of a call. `error` is present if it failed."""

    id: str
    timestamp: datetime
    status: str
    latency_ms: int
    response_bytes: int
    error: str | None = None


class RuleResult(Struct, frozen=True):
    """A rule. `outcome`: passed, decided or not_reached. `values` are those that the rule compared."""

    rule: str
    outcome: str
    values: dict[str, Any]


class DecidingRevision(Struct, frozen=True):
    """The change that made the revision of the key which decided."""

    revision: int
    event_id: str
    event: str
    timestamp: datetime
    actor: Actor


class CurrentDecision(Struct, frozen=True):
    """The code for the same question now, before limits; `valid` if the key would be accepted."""

    revision: int
    code: str


class Explanation(Struct, frozen=True):
    """All rules in the order of evaluation. `agrees`: evaluated again, they lead to the recorded code."""

    rules: tuple[RuleResult, ...]
    agrees: bool
    decided_by: DecidingRevision | None = None
    now: CurrentDecision | None = None


class Use(KeyUse, frozen=True, kw_only=True):
    """A use with everything that is recorded about it, and the explanation of its decision."""

    code: str
    billed: bool
    explanation: Explanation
    verified_by: NamedKey | None = None
    call: EndedCall | None = None
    request_id: str | None = None
