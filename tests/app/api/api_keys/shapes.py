"""Fields of a key in responses."""

KEY = {
    "id",
    "name",
    "description",
    "prefix",
    "last4",
    "imported",
    "environment",
    "status",
    "created_at",
    "created_by",
    "last_used",
    "expires_at",
    "revoked_at",
    "revoked_reason",
    "permissions",
    "rate_limit",
    "allowed_ips",
    "metadata",
    "revision",
    "usage",
}
LISTED = KEY | {"rotating_until", "earlier_secret_last_used", "last_use"}
DETAIL = KEY | {"recent_activity", "secrets"}
CREATED = KEY | {"key"}
ROTATED = KEY | {"key", "previous_valid_until"}
PAGINATION = {"page", "per_page", "total", "total_pages", "next_cursor"}
NO_USAGE = {"total_requests": 0, "requests_today": 0, "requests_this_week": 0, "requests_this_month": 0}

INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z"
"""RFC 3339 in UTC."""
