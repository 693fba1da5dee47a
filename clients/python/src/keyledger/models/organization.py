"""The organization of the key, as the API returns it."""

from datetime import datetime

from msgspec import Struct


class OrganizationLimits(Struct, frozen=True):
    """Limits of the plan. None: no limit."""

    mcps: int | None = None
    api_keys: int | None = None
    team_members: int | None = None
    monthly_requests: int | None = None


class OrganizationUsage(Struct, frozen=True):
    """Usage that counts towards the limits. `monthly_requests`: requests of live keys in this calendar month (UTC)."""

    mcps: int = 0
    api_keys: int = 0
    team_members: int = 0
    monthly_requests: int = 0


class Organization(Struct, frozen=True, kw_only=True):
    """The organization. The slug never changes.

    `settings` contains thresholds of alerts, `connect.mcp_url`, and data that clients store there. `mcp_url` is the URL
    to configure in MCP clients: `connect.mcp_url` with the slug in place of `{slug}`, or None if it is not set.
    """

    id: str
    name: str
    slug: str
    description: str
    plan: str
    created_at: datetime
    settings: dict[str, str | int | float | bool]
    mcp_url: str | None = None
    limits: OrganizationLimits
    usage: OrganizationUsage
    revision: int
