"""Permissions of a key."""

from msgspec import Struct, field


class ToolRule(Struct, frozen=True, omit_defaults=True):
    """Glob patterns of tools. `deny` overrides `allow`. Without `allow`, all tools are allowed."""

    allow: tuple[str, ...] | None = None
    deny: tuple[str, ...] = ()


class Permissions(Struct, frozen=True, omit_defaults=True):
    """`mcps`: "*" for all, or ids. `tools`: rules by MCP id. `manage`: grants such as `keys:read`."""

    mcps: str | tuple[str, ...] = ()
    tools: dict[str, ToolRule] = field(default_factory=dict[str, ToolRule])
    manage: tuple[str, ...] = ()


class RateLimit(Struct, frozen=True):
    per_second: int
