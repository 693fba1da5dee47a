"""JSON form of a session and its user."""

from typing import Any

from app.auth.organization_names import organization_name
from app.auth.sessions import csrf_token, session_cookie
from app.http.errors import unauthorized
from app.http.messages import RawRequest
from app.services import Services
from domain.grants import GRANTS
from domain.members.events import Role
from domain.members.roles import grants_of
from projections.read_models.members.list.queries import emails
from projections.records.sessions.queries import Person


async def signed_in_shape(services: Services, person: Person, session_id: str, secret: str) -> dict[str, Any]:
    """Return the signed-in user, their organization and grants, and the CSRF token that changes require."""
    organization = await organization_name(services, person.organization_id)
    async with services.read_transaction(person.organization_id) as connection:
        addresses = await emails(connection, [person.user_id])
    return {
        "signed_in": True,
        "session_id": session_id,
        "user": {"id": person.user_id, "email": addresses.get(person.user_id)},
        "organization": organization._asdict(),
        "role": person.role,
        "grants": _in_order(person.role),
        "csrf_token": csrf_token(secret),
    }


async def choice_shape(services: Services, people: list[Person]) -> dict[str, Any]:
    """Return the organizations of an address that belongs to several users. The client must choose one."""
    organizations = [
        {**(await organization_name(services, p.organization_id))._asdict(), "role": p.role} for p in people
    ]
    return {"signed_in": False, "organizations": sorted(organizations, key=lambda each: (each["name"], each["id"]))}


def secret_of(services: Services, inbound: RawRequest) -> str:
    """Return the secret of the session that authenticated the caller."""
    secret = session_cookie(inbound, services.config)
    if secret is None:
        raise unauthorized("unauthorized", presented=False)
    return secret


def _in_order(role: Role) -> list[str]:
    held = grants_of(role)
    return [grant for grant in GRANTS if grant in held]
