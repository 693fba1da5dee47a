"""Tools that an MCP server lists. A malformed tool is left out and reported; the others remain.

Names are unique: if several tools have the same name, the first one is used.
"""

from collections.abc import Sequence
from typing import Any, cast

from msgspec import DecodeError, Raw, json

from gateway.pages import Entries
from gateway.results import Listed, Tool

TOOL_NAME_LENGTH_MAX = 256
_NAMED_MAX = 5
_SHOWN_MAX = 60


def listed(found: Entries) -> Listed:
    """Return the usable tools, and a description of each entry that is left out."""
    tools: dict[str, Tool] = {}
    invalid: list[str] = []
    for encoded in found.entries:
        tool = _read(encoded)
        if isinstance(tool, str):
            invalid.append(tool)
        elif tools.setdefault(tool.name, tool) != tool:
            invalid.append(f"{_shown(tool.name)} is listed again with other contents")
    if found.end is not None:
        invalid.insert(0, f"the rest of the list, because {found.end}")
    return Listed(list(tools.values()), invalid)


def problem_of(invalid: Sequence[str]) -> str | None:
    """Return one sentence about the tools that were left out; None if all are usable."""
    if not invalid:
        return None
    named = "; ".join(invalid[:_NAMED_MAX])
    more = f"; and {len(invalid) - _NAMED_MAX} more" if len(invalid) > _NAMED_MAX else ""
    return f"Some of its tools are left out: {named}{more}."


def _read(encoded: Raw) -> Tool | str:
    """Return the tool, or the problem with it as part of the sentence of `problem_of`."""
    try:
        value = json.decode(encoded)
    except (DecodeError, RecursionError):
        return "a tool cannot be read"
    if not isinstance(value, dict):
        return "a tool is not an object"
    fields = cast("dict[str, Any]", value)
    name = fields.get("name")
    if not isinstance(name, str) or not name:
        return "a tool has no name"
    if len(name) > TOOL_NAME_LENGTH_MAX:
        return f"{_shown(name)} has a name of more than {TOOL_NAME_LENGTH_MAX} characters"
    schema = fields.get("inputSchema")
    if not isinstance(schema, dict):
        return f"{_shown(name)} has no inputSchema that is an object"
    description = fields.get("description")
    return Tool(name, description if isinstance(description, str) else "", cast("dict[str, Any]", schema))


def _shown(name: str) -> str:
    return name if len(name) <= _SHOWN_MAX else name[:_SHOWN_MAX] + "…"
