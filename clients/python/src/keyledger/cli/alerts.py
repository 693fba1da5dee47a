"""`keyledger alerts …`"""

import argparse

from keyledger.cli import exit_codes
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import day, print_fields, print_json, text_of
from keyledger.cli.settings import client_of
from keyledger.models.alerts import Alert

_TITLES = ("ID", "WHEN", "SEVERITY", "TYPE", "STATUS", "KEY")


def list_alerts(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.alerts.iterate(
            type=arguments.type,
            status=arguments.status,
            severity=arguments.severity,
            key_id=arguments.key,
            per_page=per_page(arguments.limit),
        )
        return show_list(arguments, found, _TITLES, _row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        alert = client.alerts.get(arguments.id)
    if arguments.json:
        print_json(alert)
    else:
        _print_alert(alert)
    return exit_codes.OK


def acknowledge(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        alert = client.alerts.acknowledge(arguments.id)
    if arguments.json:
        print_json(alert)
    else:
        print(f"{alert.id} is {alert.status}.")
    return exit_codes.OK


def _row(alert: Alert) -> tuple[str, ...]:
    key = alert.key_name or alert.key_id or ""
    return (alert.id, day(alert.created_at), alert.severity, alert.type, alert.status, key)


def _print_alert(alert: Alert) -> None:
    by = alert.acknowledged_by
    print_fields(
        [
            ("id", alert.id),
            ("when", day(alert.created_at)),
            ("type", alert.type),
            ("severity", alert.severity),
            ("status", alert.status),
            ("key", f"{alert.key_name or ''} {alert.key_id or ''}".strip()),
            ("acknowledged", "" if by is None else f"{day(alert.acknowledged_at)} by {by.name or by.id}"),
            *((name, text_of(value)) for name, value in alert.details.items()),
        ]
    )
