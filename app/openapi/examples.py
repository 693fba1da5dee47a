"""Examples of response data. A test validates each against its schema."""

from typing import Any

_BODY = "01jb2c3d4e5f6g7h8j9kmnpqrs"

KEY_ID = f"key_{_BODY}"
MCP_ID = f"mcp_{_BODY}"
ORGANIZATION_ID = f"org_{_BODY}"
USER_ID = f"user_{_BODY}"
SESSION_ID = f"ses_{_BODY}"
ALERT_ID = f"alert_{_BODY}"
EVENT_ID = f"evt_{_BODY}"
INVITE_ID = f"invite_{_BODY}"
WEBHOOK_ID = f"hook_{_BODY}"
MESSAGE_ID = f"msg_{_BODY}"
SECRET = "pk_live_…"  # noqa: S105 -- a placeholder, not a secret
THEN = "2026-01-31T12:00:00Z"
LATER = "2026-05-01T12:00:00Z"

NAMED_ORGANIZATION: dict[str, Any] = {"id": ORGANIZATION_ID, "name": "Example", "slug": "example"}

PERMISSIONS: dict[str, Any] = {"mcps": [MCP_ID], "tools": {MCP_ID: {"allow": ["get_*"], "deny": []}}, "manage": []}

KEY: dict[str, Any] = {
    "id": KEY_ID,
    "name": "My agent",
    "description": "Reads the wiki",
    "prefix": "pk_live_4Gx7",
    "last4": "k2Qm",
    "environment": "live",
    "status": "active",
    "created_at": THEN,
    "created_by": {"id": USER_ID, "email": "owner@example.com"},
    "last_used": LATER,
    "expires_at": "2026-12-31T00:00:00Z",
    "revoked_at": None,
    "revoked_reason": None,
    "permissions": PERMISSIONS,
    "rate_limit": {"per_second": 20},
    "allowed_ips": ["10.0.0.0/8"],
    "metadata": {"team": "search"},
    "revision": 3,
    "usage": {"total_requests": 1200, "requests_today": 12, "requests_this_week": 80, "requests_this_month": 300},
}

USE: dict[str, Any] = {
    "id": EVENT_ID,
    "timestamp": LATER,
    "event": "api_key.used",
    "action": "call",
    "actor": {"type": "api_key", "id": KEY_ID},
    "status": "success",
    "ip": "192.0.2.7",
    "user_agent": "agent/1.0",
    "revision": 3,
    "mcp_id": MCP_ID,
    "tool": "get_page",
    "latency_ms": 42,
}

KEY_DETAIL: dict[str, Any] = {
    **KEY,
    "recent_activity": [USE],
    "secrets": [{"version": 1, "created_at": THEN, "last_used": LATER, "valid_until": None}],
}

BRIEF_KEY: dict[str, Any] = {name: KEY[name] for name in ("id", "name", "prefix", "last4", "status")}
