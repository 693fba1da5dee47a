"""Whom every route lets in: written from the contract, and not from the code. A new route needs a line here."""

from dataclasses import dataclass

import pytest

from domain.grants import GRANTS, Grant
from domain.members.events import Role

MATRIX_SIZE = pytest.StashKey[str]()
"""What was tried, in words; said at the end of a run."""

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
"""What people hold. A member's grants for keys reach the keys that they made themselves."""


@dataclass(frozen=True)
class Rule:
    """`grant`: what keys and people need. `keys`, `people`: whether they may come at all. `owner`: no other person may.

    `own`: of people in the role of member, only whoever made the key that the path names; to others it does not exist.
    `also`: what a caller has to hold besides, because it is given away. `body` is one that is taken. `let_in` is the
    answer to who is let in and asks about what never was; 422: who sends what is not taken, so that nothing is made.
    """

    grant: Grant | None = None
    also: tuple[Grant, ...] = ()
    keys: bool = True
    people: bool = True
    owner: bool = False
    own: bool = False
    body: Body | None = None
    let_in: int = 200


def about_keys(grant: Grant, body: Body | None = None) -> Rule:
    """A route about one key."""
    return Rule(grant, own=True, body=body, let_in=404)


def about_one(grant: Grant, body: Body | None = None) -> Rule:
    return Rule(grant, body=body, let_in=404)


def making(grant: Grant, body: Body, *also: Grant) -> Rule:
    return Rule(grant, also, body=body, let_in=422)


ABSENT_KEY, ABSENT_MCP = "key_" + "0" * 26, "mcp_" + "0" * 26

RULES: dict[Route, Rule] = {
    ("POST", "/v1/api-keys"): making("keys:write", {"name": "Deploy"}),
    ("GET", "/v1/api-keys"): Rule("keys:read"),
    ("GET", "/v1/api-keys/{key_id:str}"): about_keys("keys:read"),
    ("PATCH", "/v1/api-keys/{key_id:str}"): about_keys("keys:write", {"name": "Deploy"}),
    ("DELETE", "/v1/api-keys/{key_id:str}"): about_keys("keys:write"),
    ("POST", "/v1/api-keys/{key_id:str}/disable"): about_keys("keys:write"),
    ("POST", "/v1/api-keys/{key_id:str}/enable"): about_keys("keys:write"),
    ("POST", "/v1/api-keys/{key_id:str}/revoke"): about_keys("keys:write"),
    ("POST", "/v1/api-keys/{key_id:str}/rotate"): about_keys("keys:write"),
    ("GET", "/v1/api-keys/{key_id:str}/activity"): about_keys("keys:read"),
    ("GET", "/v1/api-keys/{key_id:str}/usage"): about_keys("usage:read"),
    ("POST", "/v1/api-keys/revoke"): making(
        "keys:write", {"created_before": "2000-01-01T00:00:00Z", "reason": "superseded"}
    ),
    ("POST", "/v1/api-keys/verify"): Rule("keys:verify", people=False, body={"key": "nothing like a key"}),
    ("GET", "/v1/auth/check"): Rule(people=False, let_in=422),
    ("POST", "/v1/mcp/invoke"): Rule(people=False, body={"mcp_id": ABSENT_MCP, "tool": "add"}, let_in=404),
    ("POST", "/v1/mcp/resources"): Rule(people=False, body={"mcp_id": ABSENT_MCP, "uri": "example://a"}, let_in=404),
    ("GET", "/v1/mcp/servers"): Rule(people=False),
    ("POST", "/v1/mcps"): making("mcps:write", {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp"}),
    ("GET", "/v1/mcps"): Rule("mcps:read"),
    ("GET", "/v1/mcps/{mcp_id:str}"): about_one("mcps:read"),
    ("PATCH", "/v1/mcps/{mcp_id:str}"): about_one("mcps:write", {"name": "Files"}),
    ("DELETE", "/v1/mcps/{mcp_id:str}"): about_one("mcps:write"),
    ("POST", "/v1/mcps/{mcp_id:str}/test"): about_one("mcps:write"),
    ("GET", "/v1/usage"): Rule("usage:read"),
    ("GET", "/v1/usage/history"): Rule("usage:read"),
    ("GET", "/v1/organization/usage"): Rule("usage:read"),
    ("GET", "/v1/audit/events"): Rule("audit:read"),
    ("GET", "/v1/audit/events/{event_id:str}"): about_one("audit:read"),
    ("GET", "/v1/audit/export"): Rule("audit:read"),
    ("GET", "/v1/alerts"): Rule("alerts:read"),
    ("GET", "/v1/alerts/{alert_id:str}"): about_one("alerts:read"),
    ("POST", "/v1/alerts/{alert_id:str}/acknowledge"): about_one("alerts:write"),
    ("POST", "/v1/webhooks"): making("webhooks:write", {"url": "https://example.com/hooks"}),
    ("GET", "/v1/webhooks"): Rule("webhooks:read"),
    ("GET", "/v1/webhooks/{webhook_id:str}"): about_one("webhooks:read"),
    ("PATCH", "/v1/webhooks/{webhook_id:str}"): about_one("webhooks:write", {"description": "For the pager"}),
    ("DELETE", "/v1/webhooks/{webhook_id:str}"): about_one("webhooks:write"),
    ("POST", "/v1/webhooks/{webhook_id:str}/rotate"): about_one("webhooks:write"),
    ("POST", "/v1/webhooks/{webhook_id:str}/test"): about_one("webhooks:write"),
    ("GET", "/v1/webhooks/{webhook_id:str}/deliveries"): about_one("webhooks:read"),
    ("POST", "/v1/webhooks/{webhook_id:str}/deliveries/{delivery_id:str}/retry"): about_one("webhooks:write"),
    ("GET", "/v1/organization"): Rule("organization:read"),
    ("PATCH", "/v1/organization"): making("organization:write", {"name": "Acme"}),
    ("GET", "/v1/organization/members"): Rule("members:read"),
    ("POST", "/v1/organization/members/invite"): making(
        "members:write",
        {"email": "ada@example.com", "role": "viewer"},
        "mcps:read",
        "usage:read",
        "organization:read",
    ),
    ("PATCH", "/v1/organization/members/{user_id:str}"): about_one("members:write", {"role": "viewer"}),
    ("DELETE", "/v1/organization/members/{user_id:str}"): about_one("members:write"),
    ("POST", "/v1/organization/members/{user_id:str}/transfer-ownership"): Rule(keys=False, owner=True, let_in=404),
    ("GET", "/v1/organization/invitations"): Rule("members:read"),
    ("DELETE", "/v1/organization/invitations/{invite_id:str}"): about_one("members:write"),
    ("GET", "/v1/session"): Rule(keys=False),
    ("DELETE", "/v1/session"): Rule(keys=False),
    ("GET", "/v1/session/notifications"): Rule(keys=False),
    ("PATCH", "/v1/session/notifications"): Rule(keys=False, body={"threshold": "critical"}),
    ("GET", "/v1/sessions"): Rule(keys=False),
    ("DELETE", "/v1/sessions"): Rule(keys=False),
    ("DELETE", "/v1/sessions/{session_id:str}"): Rule(keys=False, let_in=404),
}
"""Routes that are closed to strangers."""

PUBLIC = {
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/metrics"),
    ("GET", "/problems/{code:str}"),
    ("GET", "/schema"),
    ("GET", "/schema/openapi.json"),
    ("GET", "/schema/style.css"),
    ("GET", "/static/pages.css"),
}
"""Routes that answer 200 to everyone, whatever is sent with the request."""

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
    ("GET", "/"),
    ("GET", "/account"),
    ("POST", "/account/sign-out"),
    ("POST", "/account/sessions/end"),
    ("POST", "/account/sessions/end-others"),
    ("POST", "/account/notifications"),
}
"""Routes that look at a link or a session themselves: see `tests/app/pages`. To them a key is as good as nothing."""
