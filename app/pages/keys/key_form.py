"""The fields of the form for a new key, and the request that they stand for."""

from collections.abc import Mapping
from datetime import date, timedelta

from app.pages.fields import Fields
from domain.environment import Environment
from infrastructure.days import midnight

DEFAULTS = Fields([("expires", "90"), ("mcps", "selected"), ("environment", "live")])
"""The form before the user has entered anything."""

LABELS = {
    "name": "Name",
    "description": "Description",
    "expires": "Expiration",
    "expires_on": "Last day",
    "mcps": "MCP access",
    "environment": "Environment",
    "per_second": "Requests per second",
    "allowed_ips": "IP addresses",
    "metadata": "Metadata",
    "manage": "Management",
}
"""The labels of the fields, for messages about them."""

PRESET_DAYS = (30, 90, 365)
_DIGITS_MAX = 15

ADVANCED = frozenset({"environment", "per_second", "allowed_ips", "metadata", "manage"})
"""The fields below "Advanced", which opens if one of them was refused."""

_FIELD_OF = {
    "expires_at": "expires_on",
    "expires_in_days": "expires",
    "rate_limit.per_second": "per_second",
    "permissions.mcps": "mcps",
    "permissions.tools": "mcps",
    "permissions.manage": "manage",
}
"""The field of the form for a field of the request, where the names differ."""


def to_request(fields: Fields) -> tuple[dict[str, object], dict[str, str]]:
    """Return the body of the request without permissions, and a message for each field that cannot be read."""
    errors: dict[str, str] = {}
    body: dict[str, object] = {
        "name": fields.one("name").strip(),
        "description": fields.one("description").strip(),
        "environment": environment_of(fields),
        "allowed_ips": fields.one("allowed_ips").replace(",", " ").split(),
        **_expiry(fields, errors),
        **_rate_limit(fields.one("per_second").strip(), errors),
        "metadata": _metadata(fields.one("metadata"), errors),
    }
    return body, errors


def environment_of(fields: Fields) -> Environment:
    return "test" if fields.one("environment") == "test" else "live"


def errors_of(details: Mapping[str, object]) -> dict[str, str]:
    """Return the messages of a refused request by the field of the form."""
    errors: dict[str, str] = {}
    for name, message in details.items():
        errors.setdefault(_field_of(name), _message(name, str(message)))
    return errors


def _field_of(name: str) -> str:
    if name.startswith("permissions.tools."):
        return f"server-{name.removeprefix('permissions.tools.').partition('.')[0]}"
    if name in _FIELD_OF:
        return _FIELD_OF[name]
    return name.partition(".")[0].partition("[")[0]


def _message(name: str, message: str) -> str:
    """Return the message, with the number of the address that it is about."""
    field, _, index = name.partition("[")
    if field == "allowed_ips" and index.rstrip("]").isdecimal():
        return f"Address {int(index.rstrip(']')) + 1}: {message}"
    return message


def _expiry(fields: Fields, errors: dict[str, str]) -> dict[str, object]:
    chosen = fields.one("expires")
    if chosen == "never":
        return {}
    days = next((days for days in PRESET_DAYS if chosen == str(days)), None)
    if days is not None:
        return {"expires_in_days": days}
    if chosen != "date":
        errors["expires"] = "Choose when the key expires."
        return {}
    try:
        day = date.fromisoformat(fields.one("expires_on"))
    except ValueError:
        errors["expires_on"] = "Choose the last day on which the key works."
        return {}
    if day.year == date.max.year:
        errors["expires_on"] = f"Must be before the year {date.max.year}."
        return {}
    return {"expires_at": midnight(day + timedelta(days=1)).isoformat()}


def _rate_limit(text: str, errors: dict[str, str]) -> dict[str, object]:
    if not text:
        return {}
    # Python refuses to read thousands of digits.
    if not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS_MAX):
        errors["per_second"] = "Must be a whole number. Leave it empty for the limit of the plan."
        return {}
    return {"rate_limit": {"per_second": int(text)}}


def _metadata(text: str, errors: dict[str, str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        name, separator, value = (part.strip() for part in line.partition("="))
        if not line.strip():
            continue
        if not separator or not name:
            errors.setdefault("metadata", f"Line {number} must look like name=value.")
        elif name in pairs:
            errors.setdefault("metadata", f"Line {number} repeats the name {name}.")
        pairs[name] = value
    return pairs
