"""Commands of `python -m app admin`."""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, get_args

import rich_click as click
from rich_click import RichGroup

from domain.plans.plan import PlanName
from infrastructure import cli

if TYPE_CHECKING:
    from datetime import datetime

    from domain.secret import Secret
    from infrastructure.database.connections import Pool
    from infrastructure.settings import Settings
    from projections.read_models.organizations.list.queries import OrganizationDetail
    from projections.records.sessions.queries import SignInFailure

R = TypeVar("R")

_FAILURES_KEPT_DAYS = 90
"""No older failures are stored: see `workers/jobs/purge_sign_ins.py`."""

_PLAN = click.Choice(get_args(PlanName))

_organization = click.option(
    "--organization", required=True, metavar="ORGANIZATION", help="Id or slug of the organization."
)


@click.group(cls=RichGroup, no_args_is_help=False)
def admin() -> None:
    """Manage organizations, plans, sign-in links and recovery keys.

    The commands need DATABASE_URL and KEYLEDGER_MASTER_KEY, but no running API.
    """


@admin.command("create-organization", panel="Organizations")
@click.option("--name", required=True, metavar="TEXT", help="Display name.")
@click.option(
    "--slug", required=True, metavar="SLUG", help="Its name in URLs, which never changes: a-z, 0-9 and hyphens."
)
@click.option("--plan", type=_PLAN, default="free", help="Plan of the organization.")
@click.option("--owner-email", required=True, metavar="ADDRESS", help="Email address that the owner signs in with.")
@cli.json_option
def create_organization(*, name: str, slug: str, plan: PlanName, owner_email: str, as_json: bool) -> None:
    """Create an organization and its owner."""
    from app.admin import organizations
    from projections.commands import commands_on

    config = read_settings()

    async def create(connections: "Pool") -> tuple[str, str]:
        return await organizations.create_organization(
            commands_on(connections), config.plans, name, slug, plan, owner_email
        )

    organization_id, user_id = _run(config, create)
    cli.show(
        {"organization_id": organization_id, "slug": slug, "plan": plan, "owner_id": user_id},
        [f"{organization_id}  owned by {user_id}"],
        as_json=as_json,
    )


@admin.command("change-plan", panel="Organizations")
@_organization
@click.option("--plan", type=_PLAN, required=True, help="The new plan.")
@cli.json_option
def change_plan(*, organization: str, plan: PlanName, as_json: bool) -> None:
    """Change the plan of an organization."""
    from app.admin import organizations
    from projections.commands import commands_on

    config = read_settings()

    async def change(connections: "Pool") -> str:
        return await organizations.change_plan(commands_on(connections), config.plans, organization, plan)

    organization_id = _run(config, change)
    cli.show({"organization_id": organization_id, "plan": plan}, [f"{organization_id}  {plan}"], as_json=as_json)


@admin.command("restore-organization", panel="Organizations")
@_organization
@cli.json_option
def restore_organization(*, organization: str, as_json: bool) -> None:
    """Undo the deletion of an organization, within 30 days.

    Its keys, webhooks and members are as they were before. Sessions stay ended.
    """
    from app.admin import organizations
    from projections.commands import commands_on

    async def restore(connections: "Pool") -> str:
        return await organizations.restore(commands_on(connections), organization)

    organization_id = _run(read_settings(), restore)
    cli.show({"organization_id": organization_id, "restored": True}, [f"{organization_id}  restored"], as_json=as_json)


@admin.command("list-organizations", panel="Organizations")
@click.option("--deleted", is_flag=True, help="List the deleted organizations, and until when each can be restored.")
@cli.json_option
def list_organizations(*, deleted: bool, as_json: bool) -> None:
    """Print id, slug, plan, counts and name of each organization that is not deleted, oldest first."""
    from app.admin import organizations

    async def collect(connections: "Pool") -> "list[OrganizationDetail]":
        return [
            each
            async for each in organizations.list_organizations(connections)
            if (each.deleted_at is not None) == deleted
        ]

    found = _run(read_settings(), collect)
    if deleted:
        _show_deleted(found, as_json=as_json)
        return
    rows = [
        (each.organization_id, each.slug, each.plan, each.team_members, each.api_keys, each.mcps, each.name)
        for each in found
    ]
    columns = ("id", "slug", "plan", "members", "keys", "MCPs", "name")
    names = ("organization_id", "slug", "plan", "team_members", "api_keys", "mcps", "name")
    cli.show(
        {"organizations": [dict(zip(names, row, strict=True)) for row in rows]},
        [
            f"{organization_id}  {slug}  {plan}  members {members}, keys {keys}, MCPs {mcps}  {name}"
            for organization_id, slug, plan, members, keys, mcps, name in rows
        ],
        as_json=as_json,
        listing=cli.Listing(columns, rows, ("members", "keys", "MCPs")),
    )


def _show_deleted(found: "list[OrganizationDetail]", *, as_json: bool) -> None:
    names = ("organization_id", "slug", "deleted_at", "restorable_until", "erased_at", "name")
    rows = [
        (each.organization_id, each.slug, _minutes(each.deleted_at), _state_of_deletion(each), each.name)
        for each in found
    ]
    cli.show(
        {"organizations": [{name: getattr(each, name) for name in names} for each in found]},
        [
            f"{organization_id}  {slug}  deleted {deleted_at}, {state}  {name}"
            for organization_id, slug, deleted_at, state, name in rows
        ],
        as_json=as_json,
        listing=cli.Listing(("id", "slug", "deleted", "state", "name"), rows),
    )


def _state_of_deletion(each: "OrganizationDetail") -> str:
    if each.erased_at is not None:
        return f"erased {_minutes(each.erased_at)}"
    return f"can be restored until {_minutes(each.restorable_until)}"


def _minutes(at: "datetime | None") -> str:
    return "-" if at is None else f"{at:%Y-%m-%d %H:%M} UTC"


@admin.command("sign-in-link", panel="Access")
@click.option("--email", required=True, metavar="ADDRESS", help="Address of the user. The link is not sent by mail.")
@click.option(
    "--to",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the link to FILE, which only its owner can read, instead of printing it.",
)
@cli.json_option
def sign_in_link(*, email: str, file: Path | None, as_json: bool) -> None:
    """Print a link that signs a user in, once, within 15 minutes."""
    from app.admin.links import sign_in_link
    from app.admin.private_files import write_private

    config = read_settings()

    async def create(connections: "Pool") -> str:
        return await sign_in_link(connections, config, email)

    link = _run(config, create)
    if file is None:
        cli.show({"link": link}, [link], as_json=as_json)
    else:
        write_private(file, f"{link}\n".encode())


@admin.command("create-management-key", panel="Access")
@_organization
@click.option("--name", default="Recovery key", metavar="TEXT", help="Name of the key.")
@click.option(
    "--expires-in-days",
    "days",
    type=click.IntRange(1, 3_650),
    default=1,
    metavar="DAYS",
    help="Days after which the key expires, from 1 to 3650.",
)
@cli.json_option
def create_management_key(*, organization: str, name: str, days: int, as_json: bool) -> None:
    """Create a management key for an organization that has lost access, and print its secret.

    The secret is shown only this time. The key has every grant, and it counts towards the limit of the plan.
    """
    from app.admin import organizations
    from projections.commands import commands_on

    config = read_settings()

    async def create(connections: "Pool") -> "tuple[str, Secret]":
        return await organizations.create_management_key(
            commands_on(connections), config.plans, organization, name, days
        )

    key_id, secret = _run(config, create)
    cli.show({"key_id": key_id, "secret": secret.reveal()}, [secret.reveal()], as_json=as_json)


@admin.command("list-sign-in-failures", panel="Access")
@click.option(
    "--count",
    type=click.IntRange(1, 10_000),
    default=50,
    metavar="COUNT",
    help="Number of attempts, from 1 to 10000.",
)
@cli.json_option
def list_sign_in_failures(*, count: int, as_json: bool) -> None:
    """Print the latest failed sign-in attempts of the last 90 days."""
    from datetime import timedelta

    from infrastructure.clock import now
    from projections.records.sessions.queries import failures

    async def collect(connections: "Pool") -> "list[SignInFailure]":
        async with connections.connection() as connection:
            return list(await failures(connection, now() - timedelta(days=_FAILURES_KEPT_DAYS), count))

    found = _run(read_settings(), collect)
    rows = [
        (each.at.isoformat(timespec="seconds"), each.reason, each.ip or "-", ",".join(each.user_ids) or "-")
        for each in found
    ]
    cli.show(
        {
            "failures": [
                {"at": each.at, "reason": each.reason, "ip": each.ip, "user_ids": list(each.user_ids)} for each in found
            ]
        },
        ["  ".join(row) for row in rows],
        as_json=as_json,
        listing=cli.Listing(("time", "reason", "IP address", "users"), rows),
    )


def read_settings() -> "Settings":
    """Return the settings of the API from the environment of the command."""
    from infrastructure.setting import API
    from infrastructure.settings import Settings

    return Settings.from_environment(cli.environment(), API)


def _run(config: "Settings", action: "Callable[[Pool], Awaitable[R]]") -> R:
    """Run an action of the operator, who belongs to no organization and sees all of them."""
    from infrastructure.database.clock import read_clock
    from infrastructure.database.connections import WORKER_ROLE, connect, pool

    async def run() -> R:
        # A pool would try again and only report that it has no connection, without the reason.
        async with await connect(config.database_url, role=WORKER_ROLE) as connection:
            # Expiry and event times that a command writes follow the database's clock.
            await read_clock(connection)
        async with pool(config.database_url, role=WORKER_ROLE, size_max=2) as connections:
            return await action(connections)

    return asyncio.run(run())
