"""Whether a presented secret is accepted: the pure heart of verification.

Facts come in as arguments: the key's committed state, the MCP, the instant. No clock, no cache, no I/O.
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
    """What was presented and for what.

    `digest`: SHA-256 of the secret. `organization_id`: the only organization whose keys count; None: any.
    `grant`: the management grant the route asks for. `people_only`: the route lets in no key, whatever its grants.
    `invalid`: the request is refused even if its key is not.
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
    """`key` is set whenever the secret matched a key that the asker may know of, accepted or not."""

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
    """The verdict on `presented`, given the key that its digest belongs to and the MCP it names, at one instant.

    `used_version`: the use of this secret of the key has ended those before it, whatever their dates say.
    """
    if state is None or presented.organization_id not in {None, state.key.organization_id}:
        return UNKNOWN_KEY
    key = state.key
    secret = _secret(key, presented.digest)
    code = _state_denial(state, secret, at, used_version) or _reach_denial(key, presented, mcp) or "valid"
    return AccessDecision(code, key, secret.version if secret else None)


def mcp_denial(key: Key, mcp: McpFacts) -> Code | None:
    """Return why `key` does not reach this MCP of its organization; None where it does."""
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
    # A secret that a rotation replaced is gone for good, whatever the key's state is.
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
        # A tool of no MCP in particular is one that every rule of the key lets through.
        anywhere = presented.tool is None or key.permissions.permits_tool_anywhere(presented.tool)
        return None if anywhere else "tool_not_permitted"
    if mcp is None or mcp.organization_id != key.organization_id:
        # A reverse proxy knows 401 and 403 only: nginx makes a 500 of any other denial of its auth_request.
        return "mcp_not_permitted" if presented.action == "check" else "not_found"
    if (denial := mcp_denial(key, mcp)) is not None:
        return denial
    if presented.tool is not None and not key.permissions.permits_tool(mcp.id, presented.tool):
        return "tool_not_permitted"
    return None
