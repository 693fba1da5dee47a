"""Data for the pages of an organization: some of everything."""

from datetime import timedelta

from infrastructure.clock import now
from tests.app.organizations import Api

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
    org.key(name=HARD_NAME)
    org.seeded_key(name="ci", environment="test")
    org.key(name="contractor", expires_at=(now() + timedelta(days=3)).isoformat())
    org.client.post(f"{org.key(name='billing').path}/rotate", {"overlap_seconds": 86_400})
    org.client.post(f"{org.key(name='paused').path}/disable")
    leaked = org.key(name="leaked")
    org.client.post(f"{leaked.path}/revoke", {"reason": "compromised"})
    org.verify(leaked.secret)
    org.expired_key(name="last-year")
    return org.id
