"""The decision whether a presented secret is accepted: the pure core of verification.

All facts are arguments: the key's committed state, the MCP and the instant. There is no clock, cache or I/O.
"""

from datetime import datetime
from typing import assert_never

from msgspec import Struct

from domain.environment import Environment
from domain.grants import Grant
from domain.keys.state import Active, Disabled, Existing, Expired, Key, Revoked, SecretVersion
from domain.networks import is_allowed
from domain.usage.events import Action, Code


class AccessRequest(Struct, frozen=True):
    """The presented secret and the requested access.

    `digest`: SHA-256 of the secret. `organization_id`: the only organization whose keys are accepted; None: any.
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
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class McpFacts(Struct, frozen=True):
    id: str
    organization_id: str
    environment: Environment
    active: bool = True


class AccessDecision(Struct, frozen=True):
    """The decision. `key` is set whenever the secret matches a key that the caller may know of, accepted or not."""

    code: Code
    key: Key | None = None
    secret_version: int | None = None

    @property
    def accepted(self) -> bool:
        return self.code == "valid"


UNKNOWN_KEY = AccessDecision("unauthorized")


def decide(
    presented: AccessRequest, state: Existing | None, mcp: McpFacts | None, at: datetime, used_version: int = 0
) -> AccessDecision:
    """Return the decision on `presented` at one instant, given the key of its digest and the MCP that it names.

    `used_version`: the use of this secret of the key has ended all earlier secrets, regardless of their dates.
    """
    if state is None or presented.organization_id not in {None, state.key.organization_id}:
        return UNKNOWN_KEY
    key = state.key
    secret = _secret(key, presented.digest)
    code = _state_denial(state, secret, at, used_version) or _reach_denial(key, presented, mcp) or "valid"
    return AccessDecision(code, key, secret.version if secret else None)


def mcp_denial(key: Key, mcp: McpFacts) -> Code | None:
    """Return why `key` does not reach this MCP of its organization, or None if it does."""
    if not (mcp.active and key.permissions.permits_mcp(mcp.id)):
        return "mcp_not_permitted"
    if mcp.environment != key.environment and not key.permissions.names(mcp.id):
        return "environment_mismatch"
    return None


def _secret(key: Key, digest: bytes) -> SecretVersion | None:
    wanted = digest.hex()
    return next((secret for secret in reversed(key.secrets) if secret.digest == wanted), None)


def _state_denial(state: Existing, secret: SecretVersion | None, at: datetime, used_version: int) -> Code | None:
    match state:
        case Revoked():
            return "revoked_key"
        case Expired():
            return "expired_key"
        case Active() | Disabled():
            if state.key.has_expired(at):
                return "expired_key"
        case _:
            assert_never(state)
    # A secret that a rotation has replaced is refused permanently, regardless of the state of the key.
    if secret is None or not secret.is_valid(at) or secret.version < used_version:
        return "revoked_key"
    return "disabled_key" if isinstance(state, Disabled) else None


def _reach_denial(key: Key, presented: AccessRequest, mcp: McpFacts | None) -> Code | None:  # noqa: PLR0911
    if not is_allowed(presented.ip, key.allowed_ips):
        return "ip_not_permitted"
    lacks_grant = presented.grant is not None and presented.grant not in key.permissions.manage
    if presented.people_only or lacks_grant:
        return "forbidden"
    if presented.mcp_id is None:
        # Without an MCP, a tool is permitted only if every rule of the key permits it.
        anywhere = presented.tool is None or key.permissions.permits_tool_anywhere(presented.tool)
        return None if anywhere else "tool_not_permitted"
    if mcp is None or mcp.organization_id != key.organization_id:
        # A reverse proxy understands only 401 and 403: nginx turns any other denial of its auth_request into a 500.
        return "mcp_not_permitted" if presented.action == "check" else "not_found"
    if (denial := mcp_denial(key, mcp)) is not None:
        return denial
    if presented.tool is not None and not key.permissions.permits_tool(mcp.id, presented.tool):
        return "tool_not_permitted"
    return None
