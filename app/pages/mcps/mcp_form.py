"""The fields of the forms that register and change an MCP server, and the request that they stand for."""

from app.api.mcps.schemas import Mcp
from app.pages.fields import Fields

LABELS = {
    "name": "Name",
    "endpoint_url": "URL",
    "description": "Description",
    "environment": "Environment",
    "auth_type": "Authentication",
    "auth_header": "Header",
    "auth_parameter": "Query parameter",
    "auth_username": "User name",
    "auth_secret": "Token or password",
    "health_checks": "Health checks",
}
"""The labels of the fields, which have the names of the request except for the secret."""

SECRET_FIELDS = {"auth_token": "auth_secret", "auth_password": "auth_secret"}
"""The form has one field for the secret, whatever its name is in the request. No page shows a stored one."""

_USED_BY = {
    "none": (),
    "bearer": ("auth_token",),
    "api_key": ("auth_token", "auth_header"),
    "query": ("auth_token", "auth_parameter"),
    "basic": ("auth_username", "auth_password"),
}

DEFAULTS = Fields([("environment", "live"), ("auth_type", "none"), ("health_checks", "on")])
"""The form before the user has entered anything."""


def to_fields(mcp: Mcp) -> Fields:
    """Return the form for a registered server, without its credential."""
    named = ("name", "endpoint_url", "description", "environment", "auth_type")
    health_checks = ("health_checks", "on" if mcp.health_checks else "off")
    return Fields([*[(name, getattr(mcp, name)) for name in named], health_checks])


def to_request(fields: Fields, stored: Mcp | None = None) -> dict[str, object]:
    """Return the body of the request. `stored` is the server that it changes.

    Only the parts of the selected kind of credential are sent. In a change, an empty credential stays as it is.
    """
    auth_type = fields.one("auth_type", "none")
    body: dict[str, object] = {
        "name": fields.one("name").strip(),
        "endpoint_url": fields.one("endpoint_url").strip(),
        "description": fields.one("description").strip(),
        "environment": fields.one("environment", "live"),
        "health_checks": fields.one("health_checks", "on") != "off",
    }
    entered = {name: fields.one(SECRET_FIELDS.get(name, name)) for name in _USED_BY.get(auth_type, ())}
    given = {name: value for name, value in entered.items() if value}
    if stored is None or given or auth_type != stored.auth_type:
        body["auth_type"] = auth_type
    return {**body, **given}
