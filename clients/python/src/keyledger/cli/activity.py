"""`keyledger activity …`, and activity as all commands show it."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from keyledger.cli import exit_codes
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import day, print_fields, print_json, print_row, print_table
from keyledger.cli.settings import client_of
from keyledger.models.activity import Activity, Use
from keyledger.models.page import Page

ENTRY_TITLES = ("WHEN", "WHAT", "STATUS", "REASON", "MCP AND TOOL", "FROM")

E = TypeVar("E", bound=Activity)

_FOLLOW_SECONDS = 2.0
_MARKS = {"passed": "passed", "decided": "DECIDED", "not_reached": "-"}


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
        "per_page": per_page(arguments.limit),
    }
    if arguments.follow:
        return _follow(list_page, arguments, filters)
    return show_list(arguments, iterate(**filters), ENTRY_TITLES, entry_row)


def entry_row(entry: Activity) -> tuple[str, ...]:
    where = " ".join(part for part in (entry.mcp_name or entry.mcp_id, entry.tool) if part)
    what = entry.action or entry.event
    return (day(entry.timestamp), what, entry.status, entry.reason or "", where, entry.ip or "")


def _follow(list_page: Callable[..., Page[E]], arguments: argparse.Namespace, filters: dict[str, Any]) -> int:
    """Print entries oldest first, one a line, as they are recorded."""
    page = list_page(**filters)
    entries = page.data[::-1]
    while True:
        for entry in entries:
            if arguments.json:
                print_json(entry)
            else:
                print_row(entry_row(entry))
        sys.stdout.flush()
        if len(entries) < filters["per_page"]:
            time.sleep(_FOLLOW_SECONDS)
        page = list_page(**filters, after=page.pagination.next_after)
        entries = page.data


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
            ("key", "" if key is None else f"{key.name or ''} {key.id}".strip()),
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
    print_table(("RULE", "OUTCOME", "VALUES"), rows)
    if not explanation.agrees:
        print(
            "\nThe rules, evaluated again, do not lead to the recorded code. Check the log: python -m eventstore check"
        )
