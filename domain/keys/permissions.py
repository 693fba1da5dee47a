"""Permissions of a key: MCPs, their tools, and management grants."""

from fnmatch import fnmatchcase
from typing import Literal

from msgspec import Struct, field

from domain.grants import Grant

TOOL_NAME_LENGTH_MAX = 256
"""Twice the maximum length in the MCP specification. A longer name cannot be a tool, so it is not matched."""

_WILDCARDS = frozenset("*?[")


class ToolRule(Struct, frozen=True, forbid_unknown_fields=True):
    """Permitted tools of one MCP: glob patterns. `deny` overrides `allow`. Without `allow`, all tools are permitted."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()

    @property
    def patterns(self) -> tuple[str, ...]:
        return (self.allow or ()) + self.deny

    def permits(self, tool: str) -> bool:
        if any(fnmatchcase(tool, pattern) for pattern in self.deny):
            return False
        return self.allow is None or any(fnmatchcase(tool, pattern) for pattern in self.allow)

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
    """`mcps`: "*" for all, including those added later, or ids. `tools`: rules by MCP id. `manage`: grants."""

    mcps: Literal["*"] | tuple[str, ...] = ()
    tools: dict[str, ToolRule] = field(default_factory=dict[str, ToolRule])
    manage: tuple[Grant, ...] = ()

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
