"""Operator commands on organizations."""

import os
from collections.abc import AsyncIterator
from datetime import timedelta

from psycopg.errors import UniqueViolation

from domain.actor import OPERATOR
from domain.fields import FieldErrors
from domain.grants import GRANTS
from domain.ids import is_id
from domain.keys.commands import CreateKey
from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED
from domain.keys.permissions import Permissions
from domain.members.commands import AddMember
from domain.members.decider import MEMBER
from domain.members.email_address import check_email
from domain.organizations.commands import ChangePlan, CreateOrganization, RestoreOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.errors import OrganizationNotFound
from domain.plans.plan import KeyCounts, MemberCounts, PlanName, Plans
from domain.refusal import Conflict
from domain.secret import ENTROPY_BYTES, Secret, fingerprint, generate
from eventstore.commands import Commands
from eventstore.execute import RelatedCommand
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from infrastructure.database.connections import Pool
from projections.read_models.members.list.queries import user_put
from projections.read_models.organizations.counts.queries import deletion_guard, keys_guard, members_guard
from projections.read_models.organizations.list.queries import (
    OrganizationDetail,
    id_of_slug,
    organization_of,
    page_after,
)

_PAGE = 1_000


async def create_organization(
    commands: Commands, plans: Plans, name: str, slug: str, plan: PlanName, owner_email: str
) -> tuple[str, str]:
    """Return the ids of the new organization and its owner. Raise a `Refusal`, for example if the slug is taken."""
    problems = FieldErrors()
    check_email(problems, owner_email)
    problems.raise_if_any()
    if await find(commands.pool, slug) is not None:
        raise Conflict(f"An organization already has the slug {slug}.")
    organization_id, user_id, at = new_id("org"), new_id("user"), now()
    create = CreateOrganization(organization_id, name, slug, plan, at=at, by=OPERATOR)
    # A new organization has no members yet.
    add = AddMember(user_id, organization_id, "owner", at, MemberCounts(0, plans[plan].team_members, plan))
    try:
        await commands.run(
            MEMBER,
            user_id,
            organization_id,
            add,
            origin=Origin(OPERATOR),
            at=at,
            related_commands=[RelatedCommand(ORGANIZATION, organization_id, create)],
            extra_statements=[user_put(user_id, organization_id, owner_email)],
        )
    except UniqueViolation:  # a concurrent request took the slug
        raise Conflict(f"An organization already has the slug {slug}.") from None
    return organization_id, user_id


async def change_plan(commands: Commands, plans: Plans, organization: str, plan: PlanName) -> str:
    """Change the plan of an organization and return its id."""
    organization_id = await resolve_organization(commands.pool, organization)
    # The decision does not depend on the counts, but the lock makes concurrent decisions that depend on the plan wait.
    guard = members_guard(organization_id, plans)
    await commands.run(
        ORGANIZATION, organization_id, organization_id, ChangePlan(plan), origin=Origin(OPERATOR), guard=guard
    )
    return organization_id


async def restore(commands: Commands, organization: str) -> str:
    """Undo the deletion of an organization and return its id. Raise a `Conflict` if that is not possible."""
    organization_id = await resolve_organization(commands.pool, organization)

    def command(_: None) -> RestoreOrganization:
        # The time counts when the lock is held: an erasure may have held it until now.
        return RestoreOrganization(at=now())

    guard = deletion_guard(organization_id)
    await commands.run(ORGANIZATION, organization_id, organization_id, command, origin=Origin(OPERATOR), guard=guard)
    return organization_id


async def create_management_key(
    commands: Commands, plans: Plans, organization: str, name: str, days: int
) -> tuple[str, Secret]:
    """Create a live key with every grant for all MCPs, within the plan's key limit. Return its id and secret."""
    organization_id = await resolve_organization(commands.pool, organization)
    key_id, at = new_id("key"), now()
    secret = generate("live", os.urandom(ENTROPY_BYTES))

    def create(counts: KeyCounts) -> CreateKey:
        return CreateKey(
            key_id=key_id,
            organization_id=organization_id,
            name=name,
            environment="live",
            permissions=Permissions(mcps="*", manage=GRANTS),
            secret=fingerprint(secret),
            at=at,
            by=OPERATOR,
            authority=UNRESTRICTED,
            counts=counts,
            known_mcps={},
            expires_at=at + timedelta(days=days),
        )

    guard = keys_guard(organization_id, plans)
    await commands.run(KEY, key_id, organization_id, create, origin=Origin(OPERATOR), at=at, guard=guard)
    return key_id, secret


async def list_organizations(pool: Pool) -> AsyncIterator[OrganizationDetail]:
    """Yield all organizations, oldest first, reading one page at a time."""
    last = ""
    while True:
        async with pool.connection() as connection:
            page = await page_after(connection, last, _PAGE)
        for each in page:
            yield each
        if len(page) < _PAGE:
            return
        last = page[-1].organization_id


async def resolve_organization(pool: Pool, organization: str) -> str:
    """Return the id of the organization with this id or slug."""
    organization_id = await find(pool, organization)
    if organization_id is None:
        raise OrganizationNotFound(f"There is no organization {organization}.")
    return organization_id


async def find(pool: Pool, organization: str) -> str | None:
    async with pool.connection() as connection:
        if is_id("org", organization):
            detail = await organization_of(connection, organization)
            return None if detail is None else detail.organization_id
        return await id_of_slug(connection, organization)
