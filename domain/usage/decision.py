"""The decision whether a presented secret is accepted: the pure core of verification.

All facts are arguments: the key's committed state, the MCP and the instant. There is no clock, cache or I/O.

`RULES` declares the rules in the order of evaluation. The first rule that denies decides. A key that passes all of them
is then subject to `LIMITS`. `domain/usage/explanation.py` explains a decision by the same declarations.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Literal, NamedTuple, assert_never

from msgspec import Struct

from domain.environment import Environment
from domain.grants import Grant
from domain.keys.state import Active, Disabled, Existing, Expired, Key, Revoked, SecretVersion
from domain.networks import is_allowed
from domain.organization_status import OrganizationStatus
from domain.usage.events import Action, Code, Denial


class AccessRequest(Struct, frozen=True):
    """The presented secret and the requested access.

    `digest`: SHA-256 of the secret. `is_foreign`: its format is not that of this service, so only the look-up shows
    whether it is a secret. `other_digest`: that of another foreign secret in the same request; if both belong to keys,
    neither is accepted. `organization_id`: the only organization whose keys are accepted; None: any.
    `grant`: the management grant that the route requires. `people_only`: the route accepts no key with any grant.
    `invalid`: the request is refused even if its key is valid.
    """

    digest: bytes
    action: Action
    organization_id: str | None = None
    mcp_id: str | None = None
    tool: str | None = None
    grant: Grant | None = None
    people_only: bool = False
    invalid: bool = False
    is_foreign: bool = False
    other_digest: bytes | None = None
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


def decisive_fields(presented: AccessRequest) -> tuple[object, ...]:
    """Return the fields of a request that `decide` reads. The others are only recorded, or apply after the decision.

    Requests that agree in these fields get the same decision at the same instant.
    """
    return (
        presented.digest,
        presented.action,
        presented.organization_id,
        presented.mcp_id,
        presented.tool,
        presented.grant,
        presented.people_only,
        presented.ip,
    )


class McpFacts(Struct, frozen=True):
    id: str
    organization_id: str
    environment: Environment
    active: bool = True


class AccessDecision(Struct, frozen=True):
    """The decision. `key` is set whenever the secret matches a key that the caller may know of, accepted or not.

    `is_ambiguous`: the request contains the secrets of different keys. `lacks_mcp`: it names an MCP that does not exist
    in any organization.
    """

    code: Code
    key: Key | None = None
    secret_version: int | None = None
    is_ambiguous: bool = False
    lacks_mcp: bool = False

    @property
    def accepted(self) -> bool:
        return self.code == "valid"


UNKNOWN_KEY = AccessDecision("unauthorized")
DIFFERENT_KEYS = AccessDecision("unauthorized", is_ambiguous=True)


RuleName = Literal[
    "secret_known",
    "key_state",
    "key_expiry",
    "secret_valid",
    "key_enabled",
    "organization",
    "ip_address",
    "grant",
    "mcp_known",
    "mcp_active",
    "mcp_allowed",
    "environment",
    "tool",
    "monthly_quota",
    "rate_limit",
    "request",
]


class Question(NamedTuple):
    """A presented secret with the key that it belongs to. `secret` is None if the key no longer has this secret.

    `used_version`: the use of this secret of the key has ended all earlier secrets, regardless of their dates.
    `organization`: the status of the key's organization.
    """

    presented: AccessRequest
    state: Existing
    secret: SecretVersion | None
    mcp: McpFacts | None
    at: datetime
    used_version: int = 0
    organization: OrganizationStatus = "active"


class Rule(NamedTuple):
    """A rule on a known secret. `denial` returns why it denies, or None if the question passes."""

    name: RuleName
    denial: Callable[[Question], Denial | None]


class Limit(NamedTuple):
    """A limit on accepted keys, and the code of its denial."""

    name: RuleName
    code: Denial


def ask(
    presented: AccessRequest,
    state: Existing,
    mcp: McpFacts | None,
    at: datetime,
    used_version: int = 0,
    organization: OrganizationStatus = "active",
) -> Question:
    """Return the question whether the key in `state` is accepted."""
    return Question(presented, state, _secret(state.key, presented.digest), mcp, at, used_version, organization)


def decide(
    presented: AccessRequest,
    state: Existing | None,
    mcp: McpFacts | None,
    at: datetime,
    used_version: int = 0,
    organization: OrganizationStatus = "active",
) -> AccessDecision:
    """Return the decision on `presented` at one instant, given the key of its digest and the MCP that it names.

    `used_version` and `organization`: as in `Question`.
    """
    if state is None or presented.organization_id not in {None, state.key.organization_id}:
        return UNKNOWN_KEY
    question = ask(presented, state, mcp, at, used_version, organization)
    secret = question.secret
    code: Code = "valid"
    for _, denial in RULES:
        denied = denial(question)
        if denied is not None:
            code = denied
            break
    lacks_mcp = mcp is None and presented.mcp_id is not None
    return AccessDecision(code, state.key, secret.version if secret else None, lacks_mcp=lacks_mcp)


def mcp_denial(key: Key, mcp: McpFacts) -> Denial | None:
    """Return why `key` does not reach this MCP of its organization, or None if it does."""
    for _, denial in _MCP_RULES:
        if (denied := denial(key, mcp)) is not None:
            return denied
    return None


def _secret(key: Key, digest: bytes) -> SecretVersion | None:
    wanted = digest.hex()
    return next((secret for secret in reversed(key.secrets) if secret.digest == wanted), None)


def _key_state(question: Question) -> Denial | None:
    match question.state:
        case Revoked():
            return "revoked_key"
        case Expired():
            return "expired_key"
        case Active() | Disabled():
            return None
        case _:
            assert_never(question.state)


def _key_expiry(question: Question) -> Denial | None:
    return "expired_key" if question.state.key.has_expired(question.at) else None


def _secret_valid(question: Question) -> Denial | None:
    """Deny a secret that a rotation has replaced permanently, regardless of the state of the key."""
    secret = question.secret
    valid = secret is not None and secret.is_valid(question.at) and secret.version >= question.used_version
    return None if valid else "revoked_key"


def _key_enabled(question: Question) -> Denial | None:
    return "disabled_key" if isinstance(question.state, Disabled) else None


def _organization(question: Question) -> Denial | None:
    """Deny the keys of a deleted organization: `disabled_key` as long as the organization can be restored."""
    match question.organization:
        case "active":
            return None
        case "deleted":
            return "disabled_key"
        case "erased":
            return "revoked_key"
        case _:
            assert_never(question.organization)


def _ip_address(question: Question) -> Denial | None:
    return None if is_allowed(question.presented.ip, question.state.key.allowed_ips) else "ip_not_permitted"


def _grant(question: Question) -> Denial | None:
    presented = question.presented
    lacks_grant = presented.grant is not None and presented.grant not in question.state.key.permissions.manage
    return "forbidden" if presented.people_only or lacks_grant else None


def _mcp_known(question: Question) -> Denial | None:
    presented = question.presented
    if presented.mcp_id is None:
        return None
    mcp = question.mcp
    if mcp is not None and mcp.organization_id == question.state.key.organization_id:
        return None
    # A reverse proxy understands only 401 and 403: nginx turns any other denial of its auth_request into a 500.
    return "mcp_not_permitted" if presented.action == "check" else "not_found"


def _mcp_active(_key: Key, mcp: McpFacts) -> Denial | None:
    return None if mcp.active else "mcp_not_permitted"


def _mcp_allowed(key: Key, mcp: McpFacts) -> Denial | None:
    return None if key.permissions.permits_mcp(mcp.id) else "mcp_not_permitted"


def _environment(key: Key, mcp: McpFacts) -> Denial | None:
    reached = mcp.environment == key.environment or key.permissions.names(mcp.id)
    return None if reached else "environment_mismatch"


def _on_named_mcp(denial: Callable[[Key, McpFacts], Denial | None]) -> Callable[[Question], Denial | None]:
    """Return a rule that passes every question without an MCP server."""

    def on_named_mcp(question: Question) -> Denial | None:
        return None if question.mcp is None else denial(question.state.key, question.mcp)

    return on_named_mcp


def _tool(question: Question) -> Denial | None:
    tool, permissions = question.presented.tool, question.state.key.permissions
    if tool is None:
        return None
    if question.mcp is None:
        # Without an MCP, a tool is permitted only if every rule of the key permits it.
        permitted = permissions.permits_tool_anywhere(tool)
    else:
        permitted = permissions.permits_tool(question.mcp.id, tool)
    return None if permitted else "tool_not_permitted"


_MCP_RULES: tuple[tuple[RuleName, Callable[[Key, McpFacts], Denial | None]], ...] = (
    ("mcp_active", _mcp_active),
    ("mcp_allowed", _mcp_allowed),
    ("environment", _environment),
)

RULES: tuple[Rule, ...] = (
    Rule("key_state", _key_state),
    Rule("key_expiry", _key_expiry),
    Rule("secret_valid", _secret_valid),
    Rule("key_enabled", _key_enabled),
    Rule("organization", _organization),
    Rule("ip_address", _ip_address),
    Rule("grant", _grant),
    Rule("mcp_known", _mcp_known),
    *[Rule(name, _on_named_mcp(denial)) for name, denial in _MCP_RULES],
    Rule("tool", _tool),
)
"""The rules on a known secret. A secret that belongs to no key is `unauthorized` before any of them."""

LIMITS: tuple[Limit, ...] = (
    Limit("monthly_quota", "quota_exceeded"),
    Limit("rate_limit", "rate_limited"),
    Limit("request", "invalid_request"),
)
"""The limits of a key that passes all rules. A key over both limits gets `quota_exceeded`, which lasts longer. An
invalid request is denied even if its key is accepted."""
