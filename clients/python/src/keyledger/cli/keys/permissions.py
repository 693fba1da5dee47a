"""Permissions of a key: the options that set them, and the words for them."""

import argparse

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.grammar import Parser
from keyledger.models.permissions import Permissions, ToolRule


def add_permission_options(command: Parser, *, with_manage: bool = True) -> None:
    command.add_argument("--mcp", action="append", metavar="ID", help="an MCP that the key may reach; repeatable")
    command.add_argument("--all-mcps", action="store_true", help="the key may reach every MCP, including future ones")
    command.add_argument(
        "--tools",
        action="append",
        metavar="ID=PATTERNS",
        help="the tools that the key may call on an MCP, by patterns such as get_*,list_*; repeatable; includes --mcp",
    )
    command.add_argument(
        "--deny-tools",
        action="append",
        metavar="ID=PATTERNS",
        help="the tools that it may not call, even if --tools names them; repeatable",
    )
    if with_manage:
        command.add_argument("--manage", action="append", metavar="GRANT", help="such as keys:read; repeatable")
    else:
        command.set_defaults(manage=None)


def permissions_of(arguments: argparse.Namespace, current: Permissions | None = None) -> Permissions:
    """Return the permissions that the options set. Those that are not given are taken from `current`."""
    if arguments.all_mcps and arguments.mcp:
        raise UsageError("--all-mcps and --mcp exclude each other. Use one of them.")
    current = current or Permissions()
    mcps = "*" if arguments.all_mcps else tuple(arguments.mcp) if arguments.mcp else current.mcps
    tools = dict(current.tools)
    allowed, denied = _patterns(arguments.tools), _patterns(arguments.deny_tools)
    for mcp_id in {**allowed, **denied}:
        earlier = tools.get(mcp_id, ToolRule())
        tools[mcp_id] = ToolRule(allowed.get(mcp_id, earlier.allow), denied.get(mcp_id, earlier.deny))
    if mcps != "*":
        mcps = (*mcps, *[mcp_id for mcp_id in allowed if mcp_id not in mcps])
        tools = {mcp_id: rule for mcp_id, rule in tools.items() if mcp_id in mcps or mcp_id in {**allowed, **denied}}
    manage = tuple(arguments.manage) if arguments.manage else current.manage
    return Permissions(mcps=mcps, tools=tools, manage=manage)


def are_given(arguments: argparse.Namespace) -> bool:
    """Return whether an option sets permissions."""
    return bool(arguments.mcp or arguments.all_mcps or arguments.tools or arguments.deny_tools or arguments.manage)


def reach_of(permissions: Permissions) -> str:
    """Return which MCPs and tools a key can reach, in words."""
    listed = ", ".join(permissions.mcps) or "no MCP"
    reach = "every MCP, including future ones" if permissions.mcps == "*" else listed
    rules = "; ".join(f"on {mcp_id} {_rule(rule)}" for mcp_id, rule in permissions.tools.items())
    return f"{reach}; {rules}" if rules else reach


def is_empty(permissions: Permissions) -> bool:
    return not permissions.mcps and not permissions.manage


def _rule(rule: ToolRule) -> str:
    only = "all tools" if rule.allow is None else f"only {', '.join(rule.allow) or 'no tools'}"
    return f"{only} but not {', '.join(rule.deny)}" if rule.deny else only


def _patterns(given: list[str] | None) -> dict[str, tuple[str, ...]]:
    """Return the patterns by MCP, from `mcp_…=get_*,list_*`."""
    found: dict[str, tuple[str, ...]] = {}
    for each in given or ():
        mcp_id, separator, patterns = each.partition("=")
        if not separator or not mcp_id:
            raise UsageError(f"Use ID=PATTERNS, such as mcp_…=get_*,list_*, not {each!r}.")
        found[mcp_id] = (*found.get(mcp_id, ()), *(part for part in patterns.split(",") if part))
    return found
