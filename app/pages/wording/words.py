"""Words for values of the API that pages show: statuses, reasons, roles and grants. Each value has one wording."""

from domain.alerts.events import AlertType
from domain.grants import Grant
from domain.leaks.policy import Policy

STATUSES = {
    "active": "Active",
    "expiring": "Expiring",
    "rotating": "Rotating",
    "disabled": "Disabled",
    "expired": "Expired",
    "revoked": "Revoked",
}
"""Statuses of keys. "Expiring" and "Rotating" are active keys that need attention."""

ENVIRONMENTS = {"live": "Live", "test": "Test"}

REVOCATION_REASONS = {
    "compromised": "Compromised",
    "superseded": "Replaced by another key",
    "no_longer_needed": "No longer needed",
    "unspecified": "Other",
}

LEAK_POLICIES: dict[Policy, tuple[str, str]] = {
    "disable": ("Disable the key", "Its clients stop working until someone enables the key again."),
    "revoke": ("Revoke the key", "Its clients stop working permanently."),
    "alert": ("Only raise an alert", "The key keeps working, also for others."),
}
"""What happens to a leaked key that still works, with the consequence."""

MCP_STATUSES = {"active": "Active", "inactive": "Inactive"}

MCP_HEALTHS = {"healthy": "Responds", "unhealthy": "Doesn't respond", "unknown": "Not called yet"}
UNCHECKED_HEALTH = "Not checked"

DELIVERY_STATUSES = {"delivered": "Delivered", "pending": "Being tried", "failed": "Given up"}

SEVERITIES = {"critical": "Critical", "warning": "Warning", "info": "Info"}
"""Severities of alerts, the most severe first."""

DELETED_SERVER = "a deleted server"

ACTORS_WITHOUT_NAME = {
    "user": "a former member",
    "api_key": "another key",
    "system": "Keyledger",
    "operator": "an operator",
    "github": "a report of GitHub",
}
"""Actors whose name was erased or is not shown to the visitor, by their type. The last two are system actors."""

ALERTS: dict[AlertType, str] = {
    "api_key.expiring": "Expires soon",
    "api_key.unusual_volume": "Unusually many requests",
    "api_key.new_location": "Used from a new location",
    "api_key.error_spike": "Many errors",
    "api_key.dormant_used": "Used after a long pause",
    "api_key.denied_burst": "Refused uses",
    "api_key.leaked": "Found in public",
    "usage.threshold": "Usage near the limit of the plan",
    "webhook.disabled": "A webhook was disabled",
}
"""Types of alerts, about the subject that a page shows next to it."""

ALERT_EVENTS: dict[AlertType, str] = {
    "api_key.expiring": "A key expires soon",
    "api_key.unusual_volume": "A key is used unusually often",
    "api_key.new_location": "A key is used from a new location",
    "api_key.error_spike": "Calls with a key fail unusually often",
    "api_key.dormant_used": "A key was used after a long pause",
    "api_key.denied_burst": "Keys were refused repeatedly",
    "api_key.leaked": "A key was found in public",
    "usage.threshold": "The month's requests approach the limit",
    "webhook.disabled": "A webhook was disabled",
}
"""Types of alerts, as sentences of their own."""

ROLES = {"viewer": "Viewer", "member": "Member", "auditor": "Auditor", "admin": "Admin", "owner": "Owner"}

GRANTS: dict[Grant, str] = {
    "keys:read": "see all keys",
    "keys:write": "create, change and revoke keys",
    "keys:verify": "verify keys",
    "mcps:read": "see MCP servers",
    "mcps:write": "change MCP servers",
    "usage:read": "see usage",
    "audit:read": "read the audit log",
    "alerts:read": "see alerts",
    "alerts:write": "acknowledge alerts",
    "webhooks:read": "see webhooks",
    "webhooks:write": "change webhooks",
    "members:read": "see members",
    "members:write": "change members",
    "organization:read": "see the organization",
    "organization:write": "change the organization",
}
"""Actions that a management grant allows, as in "Can also see usage"."""

ACTIONS = {"verify": "verified", "check": "checked", "call": "a call", "manage": "a management request"}
"""Purposes of a use."""

USES = {"verify": "Verified", "check": "Checked", "call": "Call", "manage": "Management request"}
"""Purposes of a use, as the row of a table."""

KEY_EVENTS = {
    "api_key.created": "Created",
    "api_key.details_changed": "Details changed",
    "api_key.permissions_changed": "Permissions changed",
    "api_key.expiration_changed": "Expiration changed",
    "api_key.rotated": "Rotated",
    "api_key.secret_retired": "Earlier secret ended",
    "api_key.disabled": "Disabled",
    "api_key.enabled": "Enabled",
    "api_key.revoked": "Revoked",
    "api_key.expired": "Expired",
}
"""Changes of keys, as in "Rotated by Ada"."""

REVOKED_BECAUSE = {
    "compromised": "because it was compromised",
    "superseded": "because another key replaced it",
    "owner_removed": "because its creator left the organization",
    "no_longer_needed": "because it is no longer needed",
}
"""Reasons of a revocation, as in "Revoked 3 days ago by Ada because it was compromised"."""

AUTH_TYPES = {
    "none": "None",
    "bearer": "Bearer token",
    "api_key": "API key in a header",
    "query": "API key in the address",
    "basic": "User name and password",
}
"""Ways in which the gateway signs in to an MCP server."""

MCP_PROBLEMS = {
    "mcp_unreachable": "the server could not be reached",
    "mcp_timeout": "the server took too long to respond",
    "mcp_error": "the server responded with an error",
}
"""Reasons of a server that does not respond, by the code of its last call or test."""

WEBHOOK_KINDS = {"standard": "Signed JSON", "slack": "Slack message"}

WEBHOOK_DISABLED = {
    "requested": "This webhook is disabled.",
    "gone": "This webhook stopped because the receiver answered that it is gone.",
    "failing": "This webhook stopped because no message was delivered for days.",
}
"""Reasons of a webhook that receives nothing."""

PUBLIC_EVENTS = {
    "mcp.created": "An MCP server was registered",
    "mcp.updated": "An MCP server was changed",
    "mcp.deleted": "An MCP server was deleted",
    "mcp.health_changed": "An MCP server stopped responding, or responds again",
    "api_key.created": "A key was created",
    "api_key.updated": "A key was changed",
    "api_key.rotated": "A key got a new secret",
    "api_key.disabled": "A key was disabled",
    "api_key.enabled": "A key was enabled",
    "api_key.revoked": "A key was revoked",
    "api_key.expired": "A key has expired",
    "team.member_added": "A member joined",
    "team.member_removed": "A member was removed",
    **ALERT_EVENTS,
}
"""The events that a webhook can subscribe to."""

AUDIT_EVENTS = {
    "alert.acknowledged": "Alert: acknowledged",
    "alert.raised": "Alert: raised",
    "api_key.created": "Key: created",
    "api_key.details_changed": "Key: name or details changed",
    "api_key.disabled": "Key: disabled",
    "api_key.enabled": "Key: enabled",
    "api_key.expiration_changed": "Key: expiration changed",
    "api_key.expired": "Key: expired",
    "api_key.identified": "Key: looked up by its secret",
    "api_key.permissions_changed": "Key: permissions changed",
    "api_key.revoked": "Key: revoked",
    "api_key.rotated": "Key: rotated",
    "api_key.secret_retired": "Key: earlier secret ended",
    "mcp.activated": "MCP server: activated",
    "mcp.created": "MCP server: registered",
    "mcp.deactivated": "MCP server: deactivated",
    "mcp.deleted": "MCP server: deleted",
    "mcp.health_changed": "MCP server: stopped or started responding",
    "mcp.updated": "MCP server: changed",
    "organization.created": "Organization: created",
    "organization.deleted": "Organization: deleted",
    "organization.details_changed": "Organization: details or settings changed",
    "organization.erased": "Organization: erased",
    "organization.plan_changed": "Organization: plan changed",
    "organization.restored": "Organization: restored",
    "session.ended": "Session: signed out",
    "session.started": "Session: signed in",
    "team.invitation_accepted": "Invitation: accepted",
    "team.invitation_revoked": "Invitation: withdrawn or replaced",
    "team.member_added": "Member: joined",
    "team.member_invited": "Invitation: sent",
    "team.member_removed": "Member: removed",
    "team.member_role_changed": "Member: role changed",
    "team.notifications_changed": "Member: mail preferences changed",
    "team.ownership_received": "Member: became the owner",
    "team.ownership_transferred": "Member: handed over the ownership",
    "webhook.created": "Webhook: created",
    "webhook.deleted": "Webhook: deleted",
    "webhook.disabled": "Webhook: disabled",
    "webhook.enabled": "Webhook: enabled",
    "webhook.secret_rotated": "Webhook: signing secret rotated",
    "webhook.updated": "Webhook: changed",
}
"""The types of changes in the audit log."""

ASSIGNABLE_ROLES = (
    ("viewer", "Viewer", "Sees MCP servers and usage."),
    ("member", "Member", "Also creates and manages their own keys."),
    ("auditor", "Auditor", "Sees all keys, the audit log and the members, and changes nothing."),
    ("admin", "Admin", "Manages keys, MCP servers, members, webhooks, alerts and the organization."),
)
"""The roles that a member can be given, from few rights to many. Ownership is transferred instead."""


def title_of(event_type: str) -> str:
    """Return a title for an event or alert of a later version, such as "Owner changed" for `api_key.owner_changed`."""
    name = event_type.rpartition(".")[2].replace("_", " ")
    return name[:1].upper() + name[1:]
