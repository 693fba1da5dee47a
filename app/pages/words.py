"""Words for values of the API that pages show: statuses, reasons, roles and grants. Each value has one wording."""

from domain.grants import Grant

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
"""What a key with a management grant may do, as in "Can also see usage"."""

ACTIONS = {"verify": "verified", "check": "checked", "call": "a call", "manage": "a management request"}
"""What a key was used for."""
