"""The actor that caused an event. Actors are ids only: names and addresses are stored outside the log."""

from msgspec import Struct


class UserActor(Struct, frozen=True, tag_field="type", tag="user"):
    id: str


class KeyActor(Struct, frozen=True, tag_field="type", tag="api_key"):
    id: str


class SystemActor(Struct, frozen=True, tag_field="type", tag="system"):
    """A part of Keyledger, or a service that reports to it.

    Its id is one of `SYSTEM_ACTORS`, or in an older event an id that is no longer used.
    """

    id: str


OPERATOR = SystemActor("operator")
"""A person who runs commands on the server."""

DEMO = SystemActor("demo")
"""The setup of a demo organization."""

EXPIRY = SystemActor("expiry")
"""Records that a key has expired."""

RETIREMENT = SystemActor("retirement")
"""Records that an earlier secret of a key is no longer accepted."""

MEMBER_REMOVAL = SystemActor("member_removal")
"""Revokes the keys of a member who is removed."""

MCP_HEALTH = SystemActor("mcp_health")
"""Records that an MCP server became healthy or unhealthy."""

EXPIRY_ALERTS = SystemActor("expiry_alerts")
"""Raises alerts about keys that expire soon."""

QUOTA_ALERTS = SystemActor("quota_alerts")
"""Raises alerts about the monthly quota."""

ANOMALIES = SystemActor("anomalies")
"""Raises alerts about unusual use."""

WEBHOOKS = SystemActor("webhooks")
"""Disables webhooks whose endpoint accepts no deliveries."""

ORGANIZATION_ERASURE = SystemActor("organization_erasure")
"""Erases the credentials and addresses of organizations that were deleted 30 days ago."""

GITHUB = SystemActor("github")
"""The secret scanning of GitHub. It reports keys that it finds in public."""

SYSTEM_ACTORS = (
    OPERATOR,
    DEMO,
    EXPIRY,
    RETIREMENT,
    MEMBER_REMOVAL,
    MCP_HEALTH,
    EXPIRY_ALERTS,
    QUOTA_ALERTS,
    ANOMALIES,
    WEBHOOKS,
    ORGANIZATION_ERASURE,
    GITHUB,
)
"""All system actors. docs/audit-log.md explains them."""

Actor = UserActor | KeyActor | SystemActor
