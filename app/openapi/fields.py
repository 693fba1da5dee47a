"""Field descriptions and domain constraints that the types of bodies and queries do not express."""

from typing import Any

from domain.fields import DESCRIPTION_LENGTH_MAX, NAME_LENGTH_MAX

Field = dict[str, Any]

NAME: Field = {"description": "The display name.", "minLength": 1, "maxLength": NAME_LENGTH_MAX}
DESCRIPTION: Field = {"description": "The purpose, as free text.", "maxLength": DESCRIPTION_LENGTH_MAX}


QUERY: dict[str, Field] = {
    "page": {"description": "The page number, from 1. Cannot be combined with `cursor`."},
    "cursor": {
        "description": "`next_cursor` of the previous page. Opaque, signed, and valid only with the same filters."
    },
    "per_page": {"description": "The number of items per page."},
    "order": {"description": "The sort direction: ascending or descending."},
    "sort": {"description": "The field to sort by."},
    "from": {"description": "Only items at or after this time (RFC 3339)."},
    "to": {"description": "Only items before this time (RFC 3339)."},
    "mcp_id": {"description": "The id of an MCP server."},
    "environment": {"description": "Live or test."},
}
"""Parameters of the queries of all operations, by name."""
