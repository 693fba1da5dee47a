"""`keyledger activity …`, and activity as all commands show it."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands, Parser, add_limit, add_period, count
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import named, print_json
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column, print_fields, print_row, print_table
from keyledger.cli.times import day, when
from keyledger.models.activity import Activity, Use
from keyledger.models.page import Page

E = TypeVar("E", bound=Activity)

ENTRY_COLUMNS = (
    Column("WHEN"),
    Column("WHAT"),
    Column("STATUS", has_states=True),
    Column("REASON", is_cut=True),
    Column("MCP AND TOOL", is_cut=True),
    Column("FROM", left_out=1),
)
_RULES = (Column("RULE"), Column("OUTCOME"), Column("VALUES", is_cut=True))

_FOLLOW_SECONDS = 2.0
_MARKS = {"passed": "passed", "decided": "DECIDED", "not_reached": "-"}


def add_commands(groups: Commands) -> None:
    commands = groups.group("activity", "list the uses of all keys, and explain decisions")
    listed = commands.add(
        "list",
        list_activity,
        "list the uses of all keys, newest first, or follow them",
        "keyledger activity list --status denied",
        "keyledger activity list --ip 192.0.2.7 --json",
    )
    add_filters(listed)
    explained = commands.add("get", get, "show one use and explain its decision", "keyledger activity get evt_…")
    explained.add_argument("id", metavar="ID", help="the event_id of a verification, evt_…")


def add_filters(command: Parser) -> None:
    command.add_argument(
        "--status", choices=("success", "denied", "error", "started"), help="uses with this outcome; started: unknown"
    )
    command.add_argument("--action", choices=("verify", "check", "call", "manage"), help="uses of this kind")
    command.add_argument("--reason", metavar="CODE", help="such as ip_not_permitted")
    command.add_argument("--mcp", metavar="ID", help="uses that name this MCP")
    command.add_argument("--tool", metavar="NAME", help="uses that name this tool")
    command.add_argument("--ip", metavar="ADDRESS", help="the address that the request came from")
    command.add_argument("--secret-version", type=count, metavar="N", help="uses of this version of the secret")
    add_period(command)
    add_limit(command)
    command.add_argument(
        "--follow", action="store_true", help="print the newest entries, then each new one, until interrupted"
    )


def list_activity(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        return show_activity(arguments, client.activity.list, client.activity.iterate)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        use = client.activity.get(arguments.id)
    if arguments.json:
        print_json(use)
    else:
        _print_use(use)
    return exit_codes.OK


def show_activity(
    arguments: argparse.Namespace,
    list_page: Callable[..., Page[E]],
    iterate: Callable[..., Iterator[E]],
) -> int:
    """Print the newest entries that match the filters, or follow them."""
    filters: dict[str, Any] = {
        "status": arguments.status,
        "action": arguments.action,
        "reason": arguments.reason,
        "mcp_id": arguments.mcp,
        "tool": arguments.tool,
        "ip": arguments.ip,
        "secret_version": arguments.secret_version,
        "since": arguments.since,
        "until": arguments.until,
        "per_page": per_page(arguments.limit),
    }
    if arguments.follow:
        return _follow(list_page, arguments, filters)
    return show_list(arguments, iterate(**filters), ENTRY_COLUMNS, entry_row)


def entry_row(entry: Activity) -> tuple[str, ...]:
    return _cells(entry, when(entry.timestamp))


def _follow(list_page: Callable[..., Page[E]], arguments: argparse.Namespace, filters: dict[str, Any]) -> int:
    """Print entries oldest first, one a line, as they are recorded. Their times stay true, so they are not relative."""
    page = list_page(**filters)
    entries = page.data[::-1]
    while True:
        for entry in entries:
            if arguments.json:
                print_json(entry)
            else:
                print_row(_cells(entry, day(entry.timestamp)))
        sys.stdout.flush()
        if len(entries) < filters["per_page"]:
            time.sleep(_FOLLOW_SECONDS)
        page = list_page(**filters, after=page.pagination.next_after)
        entries = page.data


def _cells(entry: Activity, at: str) -> tuple[str, ...]:
    where = " ".join(part for part in (entry.mcp_name or entry.mcp_id, entry.tool) if part)
    return (at, entry.action or entry.event, entry.status, entry.reason or "", where, entry.ip or "")


def _print_use(use: Use) -> None:
    explanation = use.explanation
    decided_by, now = explanation.decided_by, explanation.now
    key = use.key
    print_fields(
        [
            ("id", use.id),
            ("when", day(use.timestamp)),
            ("action", use.action or ""),
            ("code", use.code),
            ("key", "" if key is None else named(key.name, key.id)),
            ("mcp", use.mcp_name or use.mcp_id or ""),
            ("tool", use.tool or ""),
            ("from", use.ip or ""),
            ("user agent", use.user_agent or ""),
            ("decided by", "" if decided_by is None else f"revision {decided_by.revision}, {decided_by.event_id}"),
            ("now", "" if now is None else f"{now.code} (revision {now.revision})"),
        ]
    )
    print()
    rows = [
        (
            rule.rule,
            _MARKS.get(rule.outcome, rule.outcome),
            ", ".join(f"{name} {value}" for name, value in rule.values.items()),
        )
        for rule in explanation.rules
    ]
    print_table(_RULES, [rows])
    if not explanation.agrees:
        print(
            "\nThe rules, evaluated again, do not lead to the recorded code. Check the log: python -m eventstore check"
        )
