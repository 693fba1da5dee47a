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
