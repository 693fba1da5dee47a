"""Words for values of the API that pages show: statuses, reasons, roles and grants. Each value has one wording."""

STATUSES = {
    "active": "Active",
    "expiring": "Expiring",
    "rotating": "Rotating",
    "disabled": "Disabled",
    "expired": "Expired",
    "revoked": "Revoked",
}
"""Statuses of keys. "Expiring" and "Rotating" are active keys that need attention."""

REVOCATION_REASONS = {
    "compromised": "Compromised",
    "superseded": "Replaced by another key",
    "no_longer_needed": "No longer needed",
    "unspecified": "Other",
}

ROLES = {"viewer": "Viewer", "member": "Member", "auditor": "Auditor", "admin": "Admin", "owner": "Owner"}
