"""The calls of `client.organization`."""

from collections.abc import Mapping

from msgspec import UNSET, UnsetType

from keyledger.call import Call, Repeat, data_of, json_body, with_headers
from keyledger.models.organization import Organization

_ORGANIZATION = "/v1/organization"

_organization = data_of(Organization)


def get_organization() -> Call[Organization]:
    """Return the organization of the key: its details, the limits of its plan, and its usage."""
    return Call("GET", _ORGANIZATION, _organization)


def update_organization(
    *,
    name: str | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    settings: Mapping[str, str | float | bool | None] | UnsetType = UNSET,
    if_match: int | None = None,
) -> Call[Organization]:
    """Update the given fields and keep the others.

    `settings` is replaced as a whole; entries that are None are removed. `connect.mcp_url` is the URL under which MCP
    clients reach the gateway. The plan is not among the fields, because only the owner can change it.
    """
    body = json_body(name=name, description=description, settings=settings if settings is UNSET else dict(settings))
    headers = with_headers(if_match=if_match)
    return Call("PATCH", _ORGANIZATION, _organization, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)
