"""Arguments of `python -m app admin`."""

import argparse
from typing import get_args

from domain.plans.plan import PlanName

HELP = "create organizations and owners, change plans, print sign-in links"


def add_commands(admin: argparse.ArgumentParser) -> None:
    admin.description = (
        "Commands for operators. They require DATABASE_URL and KEYLEDGER_MASTER_KEY, but no running API."
    )
    words = admin.add_subparsers(dest="word", required=True, metavar="COMMAND")
    plans = get_args(PlanName)

    create = words.add_parser("create-organization", help="create an organization and its owner")
    create.add_argument("--name", required=True, help="display name")
    create.add_argument("--slug", required=True, help="its name in URLs, which never changes: a-z, 0-9 and hyphens")
    create.add_argument("--plan", choices=plans, default="free", help="(default: %(default)s)")
    create.add_argument(
        "--owner-email", required=True, metavar="ADDRESS", help="mail address that the owner signs in with"
    )

    change = words.add_parser("change-plan", help="change the plan of an organization")
    _organization(change)
    change.add_argument("--plan", choices=plans, required=True)

    words.add_parser(
        "list-organizations", help="print id, slug, plan, counts and name of each organization, oldest first"
    )

    link = words.add_parser("sign-in-link", help="print a link that signs a user in, once, within 15 minutes")
    link.add_argument(
        "--email", required=True, metavar="ADDRESS", help="address of the user; the link is not sent by mail"
    )

    key = words.add_parser(
        "create-management-key", help="create a management key for an organization that locked itself out"
    )
    _organization(key)
    key.add_argument("--name", default="Recovery key", help="(default: %(default)s)")
    key.add_argument("--expires-in-days", type=_days, default=1, metavar="DAYS", help="(default: %(default)s)")

    failures = words.add_parser("list-sign-in-failures", help="print the latest failed sign-in attempts")
    failures.add_argument("--count", type=_count, default=50, help="number of attempts (default: %(default)s)")


def _organization(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--organization", required=True, metavar="ORGANIZATION", help="id or slug of the organization")


def _days(text: str) -> int:
    return _number(text, 3_650)


def _count(text: str) -> int:
    return _number(text, 10_000)


def _number(text: str, most: int) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= most:
        return int(text)
    raise argparse.ArgumentTypeError(f"must be a whole number from 1 to {most}")
