"""Ids and times of the examples in the OpenAPI document."""

from datetime import UTC, datetime

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
THEN = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = datetime(2026, 5, 1, 12, tzinfo=UTC)
