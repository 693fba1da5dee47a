"""`keyledger keys create`, and the options that it shares with `update`."""

import argparse
from typing import Final

from keyledger.cli.grammar import Parser, count, pair
from keyledger.cli.keys.expiry import explained_expiry
from keyledger.cli.keys.permissions import is_empty, permissions_of
from keyledger.cli.keys.read import key_fields
from keyledger.cli.questions import confirm
from keyledger.cli.secrets_once import secret_file, show_secret
from keyledger.cli.settings import client_of
from keyledger.models.permissions import RateLimit

DEFAULT_DAYS: Final = 90


def create(arguments: argparse.Namespace) -> int:
    permissions = permissions_of(arguments)
    if is_empty(permissions):
        confirm(
            arguments,
            "This key would reach no MCP and manage nothing. Use --mcp, --all-mcps or --manage to give it something."
            " Only a gateway that checks nothing but the organization would admit it.",
            "Create it anyway?",
        )
    has_own_expiry = arguments.never or arguments.expires_at is not None
    days = None if has_own_expiry else arguments.expires_in_days or DEFAULT_DAYS
    with client_of(arguments) as client, secret_file(arguments) as file, explained_expiry():
        created = client.keys.create(
            arguments.name,
            description=arguments.description,
            permissions=permissions,
            environment=arguments.environment,
            expires_at=arguments.expires_at,
            expires_in_days=days,
            rate_limit=rate_limit_of(arguments),
            allowed_ips=arguments.allowed_ip,
            metadata=dict(arguments.metadata) if arguments.metadata else None,
        )
        remedy = f"keyledger keys rotate {created.id} --overlap-seconds 0"
        return show_secret(arguments, file, created, created.key, key_fields(created), remedy=remedy)


def add_limits(command: Parser) -> None:
    command.add_argument("--allowed-ip", action="append", metavar="NETWORK", help="such as 10.0.0.0/8; repeatable")
    command.add_argument(
        "--rate-limit", type=count, metavar="N", help="requests per second; by default only the limit of the plan"
    )
    command.add_argument(
        "--metadata", action="append", type=pair, metavar="NAME=VALUE", help="such as team=search; repeatable"
    )


def rate_limit_of(arguments: argparse.Namespace) -> RateLimit | None:
    return None if arguments.rate_limit is None else RateLimit(arguments.rate_limit)
