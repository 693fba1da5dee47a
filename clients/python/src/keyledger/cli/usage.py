"""`keyledger usage`"""

import argparse
import sys
from collections.abc import Iterable
from datetime import UTC, tzinfo
from typing import get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from keyledger.cli import exit_codes
from keyledger.cli.grammar import Commands, add_limit, count
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import print_json
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column, print_fields, print_table
from keyledger.cli.times import exact
from keyledger.endpoints.usage import Bucket
from keyledger.models.usage import DayRequests, HistoryDay, HourRequests, KeyReport, Latency, OrganizationReport

_KEYS_MAX = 100
_KEYS = (Column("KEY"), Column("NAME"), Column("REQUESTS"))


def add_commands(groups: Commands) -> None:
    commands = groups.group("usage", "count requests by day and by hour")
    command = commands.add(
        "get",
        usage,
        "count the requests of the organization or of one key, by day or by hour",
        "keyledger usage get --days 7",
        "keyledger usage get --key key_… --days 1 --bucket hour --time-zone Europe/Berlin",
    )
    counted = command.add_mutually_exclusive_group()
    counted.add_argument("--key", metavar="ID", help="count the requests of this key only")
    counted.add_argument("--mcp", metavar="ID", help="count the requests that named this MCP only")
    command.add_argument(
        "--days", type=count, metavar="N", help="the last N days, including today; by default this month"
    )
    command.add_argument(
        "--bucket", choices=get_args(Bucket), help="by default day; adds reasons, and latencies of up to 31 days"
    )
    command.add_argument(
        "--time-zone", default="UTC", metavar="ZONE", help="the time zone of days and hours, such as Europe/Berlin"
    )
    keys = commands.add(
        "keys", list_keys, "list the most used keys of a period", "keyledger usage keys --days 7 --limit 10"
    )
    keys.add_argument("--days", type=count, metavar="N", help="the last N days, including today; by default this month")
    keys.add_argument("--time-zone", default="UTC", metavar="ZONE", help="the time zone of days, such as Europe/Berlin")
    add_limit(keys, _KEYS_MAX)
    history = commands.add(
        "history", list_history, "list the days with requests, newest first", "keyledger usage history --limit 30"
    )
    add_limit(history, None)


def usage(arguments: argparse.Namespace) -> int:
    """Print the usage of the organization or of one key: of this month, or of the last `days`."""
    period = {"days": arguments.days, "bucket": arguments.bucket, "time_zone": arguments.time_zone}
    with client_of(arguments) as client:
        report = (
            client.usage.get(mcp_id=arguments.mcp, **period)
            if arguments.key is None
            else client.keys.get_usage(arguments.key, **period)
        )
    if arguments.json:
        print_json(report)
        return exit_codes.OK
    print_fields(_fields(report))
    print()
    parts = _hours(report) if arguments.bucket == "hour" else report.by_day
    zone = _zone(report.time_zone)
    print_table(_parts_in(zone), [[_row(part, zone) for part in parts]])
    return exit_codes.OK


def list_keys(arguments: argparse.Namespace) -> int:
    """Print the most used keys, with their requests."""
    with client_of(arguments) as client:
        report = client.usage.get(days=arguments.days, time_zone=arguments.time_zone, keys=arguments.limit)
        return show_list(
            arguments, iter(report.by_key), _KEYS, lambda key: (key.key_id, key.name or "", str(key.requests))
        )


def list_history(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.usage.iterate_history(per_page=per_page(arguments.limit))
        return show_list(arguments, found, _parts_in(UTC), _row)


def _fields(report: KeyReport | OrganizationReport) -> Iterable[tuple[str, str]]:
    outcomes = report.by_status
    yield ("days", f"{report.start_date} to {report.end_date}")
    yield ("requests", str(outcomes.success + outcomes.error))
    yield ("errors", str(outcomes.error))
    yield ("denied", str(outcomes.denied))
    yield ("denied for", ", ".join(f"{each.reason} {each.denied}" for each in report.denied_by_reason or ()))
    yield ("latency", _latency(report.latency_ms))
    if isinstance(report, OrganizationReport):
        plan = report.requests
        yield ("billed", f"{plan.billed:,}" if plan.limit is None else f"{plan.billed:,} of {plan.limit:,} a month")


def _hours(report: KeyReport | OrganizationReport) -> list[HourRequests]:
    """Return the hours until now; on a terminal, only those with any requests."""
    past = [hour for hour in report.by_hour if hour.hour <= report.counted_until]
    return [hour for hour in past if hour.requests or hour.denied] if sys.stdout.isatty() else past


def _latency(found: Latency | None) -> str:
    if found is None or found.p50 is None:
        return ""
    return f"{found.p50} ms (p50), {found.p95} ms (p95), {found.p99} ms (p99)"


def _parts_in(zone: tzinfo) -> tuple[Column, ...]:
    return (Column(f"WHEN ({zone})"), Column("REQUESTS"), Column("ERRORS"), Column("DENIED"))


def _row(part: DayRequests | HourRequests | HistoryDay, zone: tzinfo = UTC) -> tuple[str, ...]:
    start = exact(part.hour, zone) if isinstance(part, HourRequests) else part.date.isoformat()
    return (start, str(part.requests), str(part.errors), str(part.denied))


def _zone(name: str) -> tzinfo:
    """Return the time zone of a report, or UTC if this machine does not know it, as Windows without `tzdata`."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except ZoneInfoNotFoundError:
        return UTC
