"""PATCH /v1/organization: change the name, the client metadata or, as the owner, the plan."""

from typing import Any

from litestar import patch
from msgspec import UNSET, Struct, UnsetType

from app.api.organization.schemas import organization_shape
from app.auth.callers import PersonCaller
from app.commands.run_command import run_command
from app.handlers import Empty, HttpRequest, HttpResponse, get_services, parse_body, parse_query
from domain.decider import ImpossibleHistory
from domain.members.roles import owns
from domain.organizations.commands import ChangeOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.errors import OrganizationNotFound
from domain.organizations.events import OrganizationEvent, Settings
from domain.organizations.state import OrganizationState
from domain.plans.plan import PlanName
from eventstore.execute import Change
from infrastructure.clock import now
from projections.read_models.organizations.billed_usage.queries import used_in_month
from projections.read_models.organizations.counts.queries import members_guard
from projections.read_models.organizations.list.queries import organization_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The slug is missing because it never changes."""

    name: str | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    settings: Settings | UnsetType = UNSET
    plan: PlanName | UnsetType = UNSET


@patch("/v1/organization", access="organization:write")
async def change_organization(request: HttpRequest) -> HttpResponse:
    parse_query(request, Empty)
    body = parse_body(request, Body)
    caller, services = request.auth, get_services(request)
    async with services.read_transaction(caller.organization_id) as connection:
        organization = await organization_of(connection, caller.organization_id)
        if organization is None:
            raise OrganizationNotFound
        used = await used_in_month(connection, caller.organization_id, now())
    command = ChangeOrganization(
        by_owner=isinstance(caller, PersonCaller) and owns(caller.role),
        name=body.name,
        description="" if body.description is None else body.description,
        settings=body.settings,
        plan=body.plan,
    )

    def render(change: Change[OrganizationState, OrganizationEvent]) -> dict[str, Any]:
        state = change.after
        if state is None:
            raise ImpossibleHistory(change)
        changed = organization._replace(
            name=state.name,
            description=state.description,
            settings=state.settings,
            plan=state.plan,
            revision=change.revision,
        )
        return organization_shape(changed, services.plans, used)

    return await run_command(
        request,
        ORGANIZATION,
        caller.organization_id,
        command,
        # The decision does not depend on the counts, but the plan is in the same row, and every writer locks the row
        # first.
        guard=members_guard(caller.organization_id, services.plans),
        render=render,
    )
