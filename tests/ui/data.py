"""Data for the pages of an organization: some of everything."""

from datetime import timedelta

from domain.alerts.commands import RaiseAlert
from infrastructure.clock import now
from tests.app.api.usage.usage_data import count
from tests.app.organizations import Api
from tests.app.raised_alerts import alert_with, raise_alerts

HARD_NAME = "<b>ops</b> & \u05d0\u05d1\u05d2 " + "long-" * 14
"""A name that tests escaping, text from right to left, and wrapping."""


def some_data(api: Api) -> str:
    """Create an organization with MCP servers and a key in each status, and return its id."""
    org = api.organization()
    github = org.mcp(name="GitHub")
    org.mcp(name="Jira")
    paused = org.mcp(name=HARD_NAME, description="Paused until its owner is back.")
    org.client.patch(f"/v1/mcps/{paused}", {"status": "inactive"})
    hook = {"url": "https://hooks.example.com/keyledger", "events": ["api_key.created", "api_key.revoked"]}
    org.client.post("/v1/webhooks", hook)
    used = org.key(name="prod-server", permissions={"mcps": [github]}, description="In the vault of the platform team.")
    for _ in range(3):
        org.verify(used.secret, mcp_id=github)
    hard = org.key(name=HARD_NAME)
    org.seeded_key(name="ci", environment="test")
    org.key(name="contractor", expires_at=(now() + timedelta(days=3)).isoformat())
    org.client.post(f"{org.key(name='billing').path}/rotate", {"overlap_seconds": 86_400})
    org.client.post(f"{org.key(name='paused').path}/disable")
    leaked = org.key(name="leaked")
    org.client.post(f"{leaked.path}/revoke", {"reason": "compromised"})
    org.verify(leaked.secret)
    org.expired_key(name="last-year")
    count(api)
    raise_alerts(api, *_alerts(org.id, used.id, hard.id))
    return org.id


def _alerts(organization_id: str, key_id: str, hard_key_id: str) -> list[RaiseAlert]:
    """Return alerts of different rules, severities and subjects."""
    at = now().isoformat()
    burst = {"minutes": 10, "at": at, "most_frequent_reason": "ip_not_permitted"}
    unknown = {**burst, "rule": "unknown", "denied": 40, "limit": 20, "address": "203.0.113.9"}
    denied = {**burst, "rule": "denied", "denied": 1_204, "limit": 20}
    place = {"rule": "location", "place": "2001:db8:1234::/48", "known_places": 3, "learning_days": 7, "at": at}
    quota = {"percentage": 80, "used": 40_001, "limit": 50_000, "month": "2026-11"}
    return [
        alert_with(organization_id, "api_key.denied_burst", "critical", None, **unknown),
        alert_with(organization_id, "api_key.denied_burst", "warning", hard_key_id, **denied),
        alert_with(organization_id, "api_key.new_location", "warning", key_id, **place),
        alert_with(organization_id, "usage.threshold", "info", None, **quota),
    ]
