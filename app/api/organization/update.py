"""PATCH /v1/organization: change the name, the client metadata or, as the owner, the plan."""

from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from app.api.organization.schemas import ORGANIZATION_EXAMPLE, Organization, to_organization
from app.api.schemas import Description, Name
from app.auth.callers import PersonCaller
from app.commands.run_command import run_command
from app.handlers import HttpRequest, Success, get_services
from app.route import Route
from domain.decider import ImpossibleHistory
from domain.members.roles import owns
from domain.organizations.commands import ChangeOrganization
from domain.organizations.decider import ORGANIZATION, SETTINGS_MAX
from domain.organizations.errors import OrganizationNotFound
from domain.organizations.events import OrganizationEvent, Setting
from domain.organizations.state import Organization as State
from domain.organizations.state import OrganizationState
from domain.plans.plan import PlanName
from eventstore.execute import Change
from infrastructure.clock import now
from projections.read_models.organizations.billed_usage.queries import used_in_month
from projections.read_models.organizations.counts.queries import members_guard
from projections.read_models.organizations.list.queries import organization_of


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    """The slug is missing because it never changes."""

    name: Name | UnsetType = UNSET
    description: Description | UnsetType | None = UNSET
    settings: (
        Annotated[
            dict[str, Setting | None],
            Meta(
                description="All settings of the organization: they replace the stored ones, and a setting of null is"
                " removed. `anomalies.…` are thresholds of alerts. `connect.mcp_url` is the https URL under which MCP"
                " clients reach the gateway, or an http URL of the same machine; `{slug}` in it stands for the slug."
                " `leaked_keys` is what happens to a key that is found in public: `disable` (the default), `revoke` or"
                " `alert`. Other names are data that clients store.",
                extra_json_schema={"maxProperties": SETTINGS_MAX},
            ),
        ]
        | UnsetType
    ) = UNSET
    plan: Annotated[PlanName, Meta(description="The plan. Existing resources beyond its limits stay.")] | UnsetType = (
        UNSET
    )


@Route(
    "PATCH",
    "/v1/organization",
    access="organization:write",
    tag="Organization",
    summary="Update the organization",
    description="Omitted fields stay unchanged. Only the signed-in owner can change the plan.",
    body_example={"name": "Acme", "settings": {"theme": "dark"}},
    example=ORGANIZATION_EXAMPLE,
    has_revision=True,
    if_match=True,
)
async def update_organization(request: HttpRequest, body: Body) -> Success[Organization]:
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
        settings=(
            UNSET
            if body.settings is UNSET
            else {name: value for name, value in body.settings.items() if value is not None}
        ),
        plan=body.plan,
    )

    def render(change: Change[OrganizationState, OrganizationEvent]) -> Organization:
        state = change.after
        if not isinstance(state, State):
            raise ImpossibleHistory(change)
        changed = organization._replace(
            name=state.name,
            description=state.description,
            settings=state.settings,
            plan=state.plan,
            revision=change.revision,
        )
        return to_organization(changed, services.plans, used)

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
