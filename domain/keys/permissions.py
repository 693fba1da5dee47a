"""Permissions of a key: MCPs, their tools, and management grants."""

from fnmatch import fnmatchcase
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from domain.grants import Grant

TOOL_NAME_LENGTH_MAX = 256
"""Twice the maximum length in the MCP specification. A longer name cannot be a tool, so it is not matched."""

TOOL_PATTERNS_MAX = 100
"""For one MCP: all of its patterns may be matched in one use of the key."""

TOOL_PATTERN_LENGTH_MAX = 128

# `extra_json_schema` only documents: `domain.keys.fields` enforces the limits, with messages that name the remedy.
_Pattern = Annotated[str, Meta(extra_json_schema={"minLength": 1, "maxLength": TOOL_PATTERN_LENGTH_MAX})]
_Patterns = Annotated[tuple[_Pattern, ...], Meta(extra_json_schema={"maxItems": TOOL_PATTERNS_MAX})]

_WILDCARDS = frozenset("*?[")


class ToolRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Permitted tools of one MCP: glob patterns. `deny` overrides `allow`. Without `allow`, all tools are permitted."""

    allow: Annotated[_Patterns, Meta(description="Patterns such as `get_*`. Null: every tool.")] | None = None
    deny: Annotated[_Patterns, Meta(description="Patterns that take precedence over `allow`.")] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        return (self.allow or ()) + self.deny

    def permits(self, tool: str) -> bool:
        if any(fnmatchcase(tool, pattern) for pattern in self.deny):
            return False
        return self.allow is None or any(fnmatchcase(tool, pattern) for pattern in self.allow)

    def pattern_of(self, tool: str) -> str | None:
        """Return the pattern that decides on `tool`, or None if no pattern matches it."""
        matching = (pattern for pattern in (*self.deny, *(self.allow or ())) if fnmatchcase(tool, pattern))
        return next(matching, None)

    def within(self, bound: "ToolRule") -> bool:
        """Return whether `bound` permits every tool that this rule permits, or False where this cannot be shown.

        The comparison of globs is strict: a pattern is covered by the same pattern or, if it is a plain name, by any
        pattern that matches it. No widening can pass. Some narrowings are refused.
        """
        if not set(bound.deny) <= set(self.deny):
            return False
        if bound.allow is None:
            return True
        return self.allow is not None and all(_covered(pattern, bound.allow) for pattern in self.allow)


class Permissions(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """The MCP servers, the tools and the management grants of a key."""

    mcps: Annotated[
        Literal["*"] | tuple[str, ...],
        Meta(description='The ids of the MCP servers, or `"*"` for all, including those added later.'),
    ] = ()
    tools: Annotated[
        dict[str, ToolRule],
        Meta(description="Tool rules by the id of the MCP server. Without a rule, all tools of a server are allowed."),
    ] = field(default_factory=dict[str, ToolRule])
    manage: Annotated[
        tuple[Grant, ...], Meta(description="Management grants.", extra_json_schema={"uniqueItems": True})
    ] = ()

    def names(self, mcp_id: str) -> bool:
        """Return whether the MCP is listed by its id, which also opens the other environment."""
        return self.mcps != "*" and mcp_id in self.mcps

    def permits_mcp(self, mcp_id: str) -> bool:
        return self.mcps == "*" or mcp_id in self.mcps

    def permits_tool(self, mcp_id: str, tool: str) -> bool:
        return len(tool) <= TOOL_NAME_LENGTH_MAX and self.tools.get(mcp_id, _ANY_TOOL).permits(tool)

    def permits_tool_anywhere(self, tool: str) -> bool:
        """Return whether the tool is permitted on every reachable MCP."""
        reachable = [mcp_id for mcp_id in self.tools if self.permits_mcp(mcp_id)]
        return len(tool) <= TOOL_NAME_LENGTH_MAX and all(self.permits_tool(mcp_id, tool) for mcp_id in reachable)

    def within(self, bound: "Permissions") -> bool:
        """Return whether `bound` includes all of these permissions."""
        return self.calls_within(bound) and set(self.manage) <= set(bound.manage)

    def calls_within(self, bound: "Permissions") -> bool:
        """Return whether every MCP and tool reachable here is reachable under `bound`, ignoring environments."""
        if bound.mcps != "*" and (self.mcps == "*" or not set(self.mcps) <= set(bound.mcps)):
            return False
        return all(
            self.tools.get(mcp_id, _ANY_TOOL).within(rule)
            for mcp_id, rule in bound.tools.items()
            if self.permits_mcp(mcp_id)
        )


_ANY_TOOL = ToolRule()


def _covered(pattern: str, allowed: tuple[str, ...]) -> bool:
    if pattern in allowed:
        return True
    return _WILDCARDS.isdisjoint(pattern) and any(fnmatchcase(pattern, other) for other in allowed)
