"""The callers that each route admits, taken from the contract and not from the code. A new route needs a line here."""

from dataclasses import dataclass

import pytest

from domain.grants import GRANTS, Grant
from domain.members.events import Role

MATRIX_SIZE = pytest.StashKey[str]()
"""A description of the combinations that were tested, printed at the end of a run."""

Route = tuple[str, str]
"""A method and a path."""

Body = dict[str, object]

ROLES: dict[Role, set[Grant]] = {
    "viewer": {"mcps:read", "usage:read", "organization:read"},
    "member": {"mcps:read", "usage:read", "organization:read", "keys:read", "keys:write"},
    "auditor": {"mcps:read", "usage:read", "organization:read", "keys:read", "audit:read", "members:read"},
    "admin": set(GRANTS),
    "owner": set(GRANTS),
}
"""The grants of each role. A member's key grants apply only to keys that the member created."""


@dataclass(frozen=True)
class Rule:
    """`grant`: the grant that keys and people need. `keys`, `people`: whether they are admitted at all.

    `owner`: the owner is the only person who is admitted. `own`: a person with the role member sees only keys that they
    created; any other key does not exist for them. `also`: further grants that the caller needs because the request
    delegates them. `body`: a valid body. `admitted_status`: the status for an admitted caller whose request names a
    resource that does not exist, or, if it is 422, whose body is invalid, so that the request creates nothing.
    """

    grant: Grant | None = None
    also: tuple[Grant, ...] = ()
    keys: bool = True
    people: bool = True
    owner: bool = False
    own: bool = False
    body: Body | None = None
    admitted_status: int = 200


def key_route(grant: Grant, body: Body | None = None) -> Rule:
    """Return the rule for a route about one key."""
    return Rule(grant, own=True, body=body, admitted_status=404)


def resource_route(grant: Grant, body: Body | None = None) -> Rule:
    return Rule(grant, body=body, admitted_status=404)


def create_route(grant: Grant, body: Body, *also: Grant) -> Rule:
    return Rule(grant, also, body=body, admitted_status=422)


ABSENT_KEY, ABSENT_MCP = "key_" + "0" * 26, "mcp_" + "0" * 26

RULES: dict[Route, Rule] = {
    ("POST", "/v1/api-keys"): create_route("keys:write", {"name": "Deploy"}),
    ("GET", "/v1/api-keys"): Rule("keys:read"),
    ("GET", "/v1/api-keys/{key_id}"): key_route("keys:read"),
    ("PATCH", "/v1/api-keys/{key_id}"): key_route("keys:write", {"name": "Deploy"}),
    ("DELETE", "/v1/api-keys/{key_id}"): key_route("keys:write"),
    ("POST", "/v1/api-keys/{key_id}/disable"): key_route("keys:write"),
    ("POST", "/v1/api-keys/{key_id}/enable"): key_route("keys:write"),
    ("POST", "/v1/api-keys/{key_id}/revoke"): key_route("keys:write"),
    ("POST", "/v1/api-keys/{key_id}/rotate"): key_route("keys:write"),
    ("POST", "/v1/api-keys/{key_id}/end-secrets"): key_route("keys:write"),
    ("GET", "/v1/api-keys/{key_id}/activity"): key_route("keys:read"),
    ("GET", "/v1/api-keys/{key_id}/clients"): key_route("keys:read"),
    ("GET", "/v1/api-keys/{key_id}/usage"): key_route("usage:read"),
    ("POST", "/v1/api-keys/import"): create_route("keys:write", {"keys": [{"name": "Old", "sha256": "0" * 64}]}),
    ("POST", "/v1/api-keys/revoke"): create_route(
        "keys:write", {"created_before": "2000-01-01T00:00:00Z", "reason": "superseded"}
    ),
    ("GET", "/v1/api-keys/review"): Rule("keys:read"),
    ("GET", "/v1/api-keys/creators"): Rule("keys:read"),
    ("POST", "/v1/api-keys/identify"): Rule("keys:read", body={"sha256": "0" * 64}),
    ("POST", "/v1/api-keys/verify"): Rule("keys:verify", people=False, body={"key": "nothing like a key"}),
    ("GET", "/v1/auth/check"): Rule(people=False, admitted_status=422),
    ("POST", "/v1/mcp/invoke"): Rule(people=False, body={"mcp_id": ABSENT_MCP, "tool": "add"}, admitted_status=404),
    ("POST", "/v1/mcp/resources"): Rule(
        people=False, body={"mcp_id": ABSENT_MCP, "uri": "example://a"}, admitted_status=404
    ),
    ("GET", "/v1/mcp/servers"): Rule(people=False),
    ("POST", "/v1/mcps"): create_route("mcps:write", {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp"}),
    ("GET", "/v1/mcps"): Rule("mcps:read"),
    ("GET", "/v1/mcps/names"): Rule("mcps:read"),
    ("GET", "/v1/mcps/{mcp_id}"): resource_route("mcps:read"),
    ("PATCH", "/v1/mcps/{mcp_id}"): resource_route("mcps:write", {"name": "Files"}),
    ("DELETE", "/v1/mcps/{mcp_id}"): resource_route("mcps:write"),
    ("POST", "/v1/mcps/{mcp_id}/test"): resource_route("mcps:write"),
    ("GET", "/v1/usage"): Rule("usage:read"),
    ("GET", "/v1/usage/history"): Rule("usage:read"),
    ("GET", "/v1/organization/usage"): Rule("usage:read"),
    ("GET", "/v1/activity"): Rule("audit:read"),
    ("GET", "/v1/activity/{event_id}"): resource_route("audit:read"),
    ("GET", "/v1/audit/events"): Rule("audit:read"),
    ("GET", "/v1/audit/events/{event_id}"): resource_route("audit:read"),
    ("GET", "/v1/audit/export"): Rule("audit:read"),
    ("GET", "/v1/alerts"): Rule("alerts:read"),
    ("GET", "/v1/alerts/{alert_id}"): resource_route("alerts:read"),
    ("POST", "/v1/alerts/{alert_id}/acknowledge"): resource_route("alerts:write"),
    ("POST", "/v1/webhooks"): create_route("webhooks:write", {"url": "https://example.com/hooks"}),
    ("GET", "/v1/webhooks"): Rule("webhooks:read"),
    ("GET", "/v1/webhooks/{webhook_id}"): resource_route("webhooks:read"),
    ("PATCH", "/v1/webhooks/{webhook_id}"): resource_route("webhooks:write", {"description": "For the pager"}),
    ("DELETE", "/v1/webhooks/{webhook_id}"): resource_route("webhooks:write"),
    ("POST", "/v1/webhooks/{webhook_id}/rotate"): resource_route("webhooks:write"),
    ("POST", "/v1/webhooks/{webhook_id}/test"): resource_route("webhooks:write"),
    ("GET", "/v1/webhooks/{webhook_id}/deliveries"): resource_route("webhooks:read"),
    ("POST", "/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/retry"): resource_route("webhooks:write"),
    ("GET", "/v1/organization"): Rule("organization:read"),
    ("PATCH", "/v1/organization"): create_route("organization:write", {"name": "Acme"}),
    ("DELETE", "/v1/organization"): Rule(keys=False, owner=True, body={"confirm": ""}, admitted_status=422),
    ("GET", "/v1/organization/members"): Rule("members:read"),
    ("POST", "/v1/organization/members/invite"): create_route(
        "members:write",
        {"email": "ada@example.com", "role": "viewer"},
        "mcps:read",
        "usage:read",
        "organization:read",
    ),
    ("GET", "/v1/organization/members/{user_id}"): resource_route("members:read"),
    ("PATCH", "/v1/organization/members/{user_id}"): resource_route("members:write", {"role": "viewer"}),
    ("DELETE", "/v1/organization/members/{user_id}"): resource_route("members:write"),
    ("POST", "/v1/organization/members/{user_id}/transfer-ownership"): Rule(
        keys=False, owner=True, admitted_status=404
    ),
    ("GET", "/v1/organization/invitations"): Rule("members:read"),
    ("GET", "/v1/organization/invitations/{invite_id}"): resource_route("members:read"),
    ("DELETE", "/v1/organization/invitations/{invite_id}"): resource_route("members:write"),
    ("GET", "/v1/session"): Rule(keys=False),
    ("DELETE", "/v1/session"): Rule(keys=False),
    ("GET", "/v1/session/notifications"): Rule(keys=False),
    ("PATCH", "/v1/session/notifications"): Rule(keys=False, body={"threshold": "critical"}),
    ("GET", "/v1/sessions"): Rule(keys=False),
    ("DELETE", "/v1/sessions"): Rule(keys=False),
    ("DELETE", "/v1/sessions/{session_id}"): Rule(keys=False, admitted_status=404),
}
"""Routes that require authentication."""

PUBLIC = {
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/problems"),
    ("GET", "/problems/{code}"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/static/specimen"),
}
"""Routes that return 200 for every caller and every request."""

SIGNING_IN = {
    ("GET", "/sign-in"),
    ("GET", "/sign-in/confirm"),
    ("GET", "/invitations/accept"),
    ("POST", "/v1/session/links"),
    ("POST", "/v1/session"),
    ("POST", "/sign-in"),
    ("POST", "/sign-in/confirm"),
    ("GET", "/sign-in/openid"),
    ("GET", "/sign-in/openid/callback"),
    ("POST", "/invitations/accept"),
    ("GET", "/static/{name:str}"),
    ("GET", "/favicon.svg"),
}
"""Routes that check a link or a session themselves: see `tests/app/pages`. They ignore keys."""

SIGNED = {("POST", "/v1/leaks/github")}
"""Routes that check the signature of another service themselves: see `tests/app/api/leaks`. They ignore keys."""
