"""Field descriptions and domain constraints that the types of bodies and queries do not express."""

from typing import Any

from domain.fields import DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX
from domain.keys.fields import (
    ALLOWED_IPS_MAX,
    METADATA_KEY_LENGTH_MAX,
    METADATA_PAIRS_MAX,
    METADATA_VALUE_LENGTH_MAX,
    PER_SECOND_MAX,
    TOOL_PATTERN_LENGTH_MAX,
    TOOL_PATTERNS_MAX,
)

Field = dict[str, Any]

NAME: Field = {"description": "What people call it.", "minLength": 1, "maxLength": NAME_LENGTH_MAX}
DESCRIPTION: Field = {"description": "What it is for.", "maxLength": DESCRIPTION_LENGTH_MAX}

METADATA: Field = {
    "description": f"Pairs of your own; names have 1 to {METADATA_KEY_LENGTH_MAX} characters.",
    "maxProperties": METADATA_PAIRS_MAX,
    "propertyNames": {"minLength": 1, "maxLength": METADATA_KEY_LENGTH_MAX},
    "additionalProperties": {"type": "string", "maxLength": METADATA_VALUE_LENGTH_MAX},
}
ALLOWED_IPS: Field = {
    "description": "Networks (CIDR, IPv4 and IPv6) or addresses that the key may be used from, with a prefix length "
    "and no mask. Empty: from everywhere.",
    "maxItems": ALLOWED_IPS_MAX,
    "examples": [["10.0.0.0/8", "2001:db8::/32"]],
}
EXPIRES_AT: Field = {"description": "An instant to come (RFC 3339, before the year 9999). Null: never."}

_PATTERN = {"type": "string", "minLength": 1, "maxLength": TOOL_PATTERN_LENGTH_MAX}

FIELDS: dict[str, dict[str, Field]] = {
    "Permissions": {
        "mcps": {"description": 'The ids of the MCP servers, or `"*"` for all, also those added later.'},
        "tools": {"description": "Rules by the id of the MCP server. Without one, all its tools."},
        "manage": {"description": "Management grants.", "uniqueItems": True},
    },
    "ToolRule": {
        "allow": {
            "description": "Patterns such as `get_*`. Null: every tool.",
            "maxItems": TOOL_PATTERNS_MAX,
            "items": _PATTERN,
        },
        "deny": {"description": "Patterns; they win over `allow`.", "maxItems": TOOL_PATTERNS_MAX, "items": _PATTERN},
    },
    "RateLimit": {"per_second": {"description": "Requests a second.", "minimum": 1, "maximum": PER_SECOND_MAX}},
}
"""Fields of domain Structs, by the name of their schema."""

QUERY: dict[str, Field] = {
    "page": {"description": "The number of the page, from 1. Not together with `cursor`."},
    "cursor": {"description": "`next_cursor` of the page before. Opaque, signed, and good for the same filters only."},
    "per_page": {"description": "How many items a page has."},
    "order": {"description": "Ascending or descending."},
    "sort": {"description": "What the list is ordered by."},
    "from": {"description": "Not before this instant (RFC 3339)."},
    "to": {"description": "Before this instant (RFC 3339)."},
    "mcp_id": {"description": "The id of an MCP server."},
    "environment": {"description": "Live or test."},
}
"""Parameters of the queries of all operations, by name."""
