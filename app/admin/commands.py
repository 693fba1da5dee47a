"""Commands of `python -m app admin` and the lines that they print."""

import argparse
from datetime import timedelta

from app.admin import organizations
from app.admin.links import sign_in_link
from infrastructure.clock import now
from infrastructure.database.clock import read_clock
from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.records.sessions.queries import failures

_FAILURES_KEPT = timedelta(days=90)
"""No older failures are stored: see `workers/jobs/purge_sign_ins.py`."""


async def run(config: Settings, options: argparse.Namespace) -> list[str]:
    """Run the command and return its output lines. Raise a `Refusal` if the command is not allowed."""
    # An operator belongs to no organization and sees all of them.
    async with pool(config.database_url, role=WORKER_ROLE, size_max=2) as connections:
        async with connections.connection() as connection:
            # Expiry and event times that a command writes follow the database's clock.
            await read_clock(connection)
        return await _lines(connections, config, options)


async def _lines(connections: Pool, config: Settings, options: argparse.Namespace) -> list[str]:
    commands = commands_on(connections)
    match options.word:
        case "create-organization":
            organization_id, user_id = await organizations.create_organization(
                commands, config.plans, options.name, options.slug, options.plan, options.owner_email
            )
            return [f"{organization_id}  owned by {user_id}"]
        case "change-plan":
            organization_id = await organizations.change_plan(
                commands, config.plans, options.organization, options.plan
            )
            return [f"{organization_id}  {options.plan}"]
        case "list-organizations":
            return [
                f"{each.organization_id}  {each.slug}  {each.plan}  members {each.team_members}, keys {each.api_keys},"
                f" MCPs {each.mcps}  {each.name}"
                async for each in organizations.list_organizations(connections)
            ]
        case "sign-in-link":
            return [await sign_in_link(connections, config, options.email)]
        case "create-management-key":
            _, secret = await organizations.create_management_key(
                commands, config.plans, options.organization, options.name, options.expires_in_days
            )
            return [secret.reveal()]
        case _:
            return await _failures(connections, options.count)


async def _failures(connections: Pool, count: int) -> list[str]:
    async with connections.connection() as connection:
        found = await failures(connection, now() - _FAILURES_KEPT, count)
    return [
        f"{each.at.isoformat(timespec='seconds')}  {each.reason}  {each.ip or '-'}  {','.join(each.user_ids) or '-'}"
        for each in found
    ]
