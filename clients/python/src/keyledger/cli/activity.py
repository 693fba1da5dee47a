"""`keyledger activity …`, and activity as all commands show it."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar, get_args

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands, Parser, add_limit, add_period, count
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import named, print_json
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column, Row, print_fields, print_row, print_table
from keyledger.cli.times import exact, when
from keyledger.endpoints.keys import Action, Outcome
from keyledger.models.activity import Activity, KeyUse, RuleResult, Use
from keyledger.models.page import Page

E = TypeVar("E", bound=Activity)

_COMMON_COLUMNS = (
    Column("WHAT"),
    Column("STATUS", has_states=True),
    Column("REASON", is_cut=True),
    Column("MCP AND TOOL", is_cut=True, left_out=1),
    Column("FROM", left_out=2),
)
ENTRY_COLUMNS = (Column("ID"), Column("WHEN"), *_COMMON_COLUMNS)
_USE_COLUMNS = (Column("ID"), Column("WHEN"), Column("KEY", is_cut=True), *_COMMON_COLUMNS)
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
    command.add_argument("--status", choices=get_args(Outcome), help="uses with this outcome; started: unknown")
    command.add_argument("--action", choices=get_args(Action), help="uses of this kind")
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
        return show_activity(
            arguments, client.activity.list, client.activity.iterate, columns=_USE_COLUMNS, cells=_use_cells
        )


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
    *,
    columns: Sequence[Column],
    cells: Callable[[E, str], Row],
) -> int:
    """Print the newest entries that match the filters, or follow them. `cells` returns a row with a given time."""
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
        return _follow(list_page, cells, arguments, filters)
    return show_list(arguments, iterate(**filters), columns, lambda entry: cells(entry, when(entry.timestamp)))


def entry_row(entry: Activity) -> Row:
    return entry_cells(entry, when(entry.timestamp))


def entry_cells(entry: Activity, at: str) -> Row:
    return (entry.id, at, *_common_cells(entry))


def _follow(
    list_page: Callable[..., Page[E]],
    cells: Callable[[E, str], Row],
    arguments: argparse.Namespace,
    filters: dict[str, Any],
) -> int:
    """Print entries oldest first, one a line, as they are recorded. Relative times would not stay correct."""
    page = list_page(**filters)
    entries: Sequence[E] = _newest(page, list_page, arguments.limit, filters)[::-1]
    while True:
        for entry in entries:
            if arguments.json:
                print_json(entry)
            else:
                print_row(cells(entry, exact(entry.timestamp)))
        sys.stdout.flush()
        if len(entries) < filters["per_page"]:
            time.sleep(_FOLLOW_SECONDS)
        page = list_page(**filters, after=page.pagination.next_after)
        entries = page.data


def _newest(page: Page[E], list_page: Callable[..., Page[E]], limit: int, filters: dict[str, Any]) -> Sequence[E]:
    """Return the newest entries, with those of further pages if the first one has too few."""
    found = list(page.data)
    cursor = page.pagination.next_cursor
    while cursor is not None and len(found) < limit:
        further = list_page(**filters, cursor=cursor)
        found += further.data
        cursor = further.pagination.next_cursor
    return found[:limit]


def _use_cells(use: KeyUse, at: str) -> Row:
    key = use.key
    return (use.id, at, "" if key is None else key.name or key.id, *_common_cells(use))


def _common_cells(entry: Activity) -> Row:
    where = " ".join(part for part in (entry.mcp_name or entry.mcp_id, entry.tool) if part)
    return (entry.action or entry.event, entry.status, entry.reason or "", where, entry.ip or "")


def _rule_row(rule: RuleResult, code: str) -> Row:
    """Return a row with the values that the rule compared. Without any, the one that decided has the code."""
    values = ", ".join(f"{name} {value}" for name, value in rule.values.items())
    if not values and rule.outcome == "decided":
        values = f"code {code}"
    return (rule.rule, _MARKS.get(rule.outcome, rule.outcome), values)


def _print_use(use: Use) -> None:
    explanation = use.explanation
    decided_by, now = explanation.decided_by, explanation.now
    key = use.key
    print_fields(
        [
            ("id", use.id),
            ("when", exact(use.timestamp)),
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
    print_table(_RULES, [[_rule_row(rule, use.code) for rule in explanation.rules]])
    if not explanation.agrees:
        print(
            "\nThe rules, evaluated again, do not lead to the recorded code. Check the log: python -m eventstore check"
        )
