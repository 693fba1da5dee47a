"""Sign-ins in responses."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import AlwaysTrue, OrganizationId, SessionId, UserId
from app.auth.organization_names import organization_name
from app.auth.sessions import csrf_token, session_cookie
from app.http.errors import unauthorized
from app.http.messages import RawRequest
from app.services import Services
from domain.grants import GRANTS, Grant
from domain.members.events import Role
from domain.members.roles import grants_of
from projections.read_models.members.list.queries import emails
from projections.records.sessions.queries import Person


class SessionUser(Struct, frozen=True):
    id: UserId
    email: str | None


class SessionOrganization(Struct, frozen=True):
    id: OrganizationId
    name: str
    slug: str


class SignedIn(Struct, frozen=True):
    """The signed-in user, their organization and their grants. Changes require `csrf_token`."""

    signed_in: AlwaysTrue
    session_id: SessionId
    user: SessionUser
    organization: SessionOrganization
    role: Role
    grants: list[Grant]
    csrf_token: str


class OfferedOrganization(SessionOrganization, frozen=True):
    role: Role


class Choice(Struct, frozen=True):
    """The address belongs to users of several organizations. Repeat the request with one of the ids."""

    signed_in: Annotated[bool, Meta(extra_json_schema={"const": False})]
    organizations: list[OfferedOrganization]


SIGNED_IN_EXAMPLE = SignedIn(
    signed_in=True,
    session_id=examples.SESSION_ID,
    user=SessionUser(id=examples.USER_ID, email="owner@example.com"),
    organization=SessionOrganization(id=examples.ORGANIZATION_ID, name="Example", slug="example"),
    role="viewer",
    grants=["mcps:read"],
    csrf_token="…",  # noqa: S106 -- a placeholder, not a secret
)


async def load_signed_in(services: Services, person: Person, session_id: str, secret: str) -> SignedIn:
    """Return the signed-in user, their organization and grants, and the CSRF token that changes require."""
    organization = await organization_name(services, person.organization_id)
    async with services.read_transaction(person.organization_id) as connection:
        addresses = await emails(connection, [person.user_id])
    return SignedIn(
        signed_in=True,
        session_id=session_id,
        user=SessionUser(id=person.user_id, email=addresses.get(person.user_id)),
        organization=SessionOrganization(id=organization.id, name=organization.name, slug=organization.slug),
        role=person.role,
        grants=_in_order(person.role),
        csrf_token=csrf_token(secret),
    )


async def load_choice(services: Services, people: list[Person]) -> Choice:
    """Return the organizations of an address that belongs to several users. The client must choose one."""
    organizations: list[OfferedOrganization] = []
    for person in people:
        organization = await organization_name(services, person.organization_id)
        organizations.append(
            OfferedOrganization(id=organization.id, name=organization.name, slug=organization.slug, role=person.role)
        )
    return Choice(signed_in=False, organizations=sorted(organizations, key=lambda each: (each.name, each.id)))


def secret_of(services: Services, inbound: RawRequest) -> str:
    """Return the secret of the session that authenticated the caller."""
    secret = session_cookie(inbound, services.config)
    if secret is None:
        raise unauthorized("unauthorized", presented=False)
    return secret


def _in_order(role: Role) -> list[Grant]:
    held = grants_of(role)
    return [grant for grant in GRANTS if grant in held]
