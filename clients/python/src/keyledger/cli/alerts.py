"""`keyledger alerts …`"""

import argparse
from typing import get_args

from keyledger.cli.grammar import Commands, add_id, add_limit
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import show, tell, text_of
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column
from keyledger.cli.times import exact, when
from keyledger.endpoints.alerts import AlertStatus, Severity
from keyledger.models.alerts import Alert

_COLUMNS = (
    Column("ID"),
    Column("WHEN"),
    Column("SEVERITY", has_states=True, left_out=1),
    Column("TYPE", is_cut=True),
    Column("STATUS"),
    Column("KEY", is_cut=True, left_out=2),
)


def add_commands(groups: Commands) -> None:
    commands = groups.group("alerts", "list and acknowledge alerts")
    listed = commands.add(
        "list",
        list_alerts,
        "list alerts, newest first",
        "keyledger alerts list --status open --severity critical",
    )
    listed.add_argument("--status", choices=get_args(AlertStatus), help="whether the alert was acknowledged")
    listed.add_argument("--severity", choices=get_args(Severity), help="alerts of this severity")
    listed.add_argument("--type", metavar="TYPE", help="such as api_key.expiring")
    listed.add_argument("--key", metavar="ID", help="alerts about this key")
    add_limit(listed)
    shown = commands.add("get", get, "show one alert with the numbers that raised it", "keyledger alerts get alert_…")
    add_id(shown, "alert", "alert")
    seen = commands.add("acknowledge", acknowledge, "mark an alert as seen", "keyledger alerts acknowledge alert_…")
    add_id(seen, "alert", "alert")


def list_alerts(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.alerts.iterate(
            type=arguments.type,
            status=arguments.status,
            severity=arguments.severity,
            key_id=arguments.key,
            per_page=per_page(arguments.limit),
        )
        return show_list(arguments, found, _COLUMNS, _row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        alert = client.alerts.get(arguments.id)
    return show(arguments, alert, _fields(alert))


def acknowledge(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        alert = client.alerts.acknowledge(arguments.id)
    return tell(arguments, alert, f"{alert.id} is {alert.status}.")


def _row(alert: Alert) -> tuple[str, ...]:
    key = alert.key_name or alert.key_id or ""
    return (alert.id, when(alert.created_at), alert.severity, alert.type, alert.status, key)


def _fields(alert: Alert) -> list[tuple[str, str]]:
    by = alert.acknowledged_by
    return [
        ("id", alert.id),
        ("when", exact(alert.created_at)),
        ("type", alert.type),
        ("severity", alert.severity),
        ("status", alert.status),
        ("key", f"{alert.key_name or ''} {alert.key_id or ''}".strip()),
        ("acknowledged", "" if by is None else f"{exact(alert.acknowledged_at)} by {by.name or by.id}"),
        *((name, text_of(value)) for name, value in alert.details.items()),
    ]
