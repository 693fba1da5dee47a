"""Invitations of people and their acceptance, for tests."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx2

from app.auth.invitations import TOKEN_PREFIX
from app.auth.sessions import digest_of, new_secret
from domain.invitations.commands import InviteMember
from domain.invitations.decider import INVITATION
from domain.keys.delegation import UNRESTRICTED
from domain.plans.plan import PLANS, MemberCounts
from eventstore.execute import Write, execute
from eventstore.recorded import Origin
from infrastructure.clock import new_id, now
from projections.read_models.invitations.list.queries import address_put
from projections.read_models.organizations.counts.queries import members_guard
from projections.registry import INLINE
from tests.app.client import Client, Response
from tests.app.organizations import Api
from tests.random_input import random_loopback
from tests.seed import OWNER

INVITE = "/v1/organization/members/invite"
MEMBERS = "/v1/organization/members"
INVITATIONS = "/v1/organization/invitations"


def invite(client: Client, email: str, role: str = "member") -> str:
    """Invite a person and return the link."""
    url: str = client.post(INVITE, {"email": email, "role": role}).data["invite_url"]
    return url


def token_of(url: str) -> str:
    (token,) = parse_qs(urlsplit(url).query)["token"]
    return token


def accept(api: Api, url: str) -> Response:
    """Press the button of the page from an address that no other test uses, and return the response."""
    form = {"token": token_of(url)}
    with httpx2.Client(transport=httpx2.HTTPTransport(local_address=random_loopback()), timeout=30) as client:
        response = client.post(f"{api.url}/invitations/accept", data=form, headers={"Origin": api.url})
    return Response(response.status_code, response.headers, response.content, "POST")


def expired_link(api: Api, organization_id: str, email: str) -> str:
    """Store an invitation that expired yesterday, and return its link."""
    token = new_secret(TOKEN_PREFIX)
    at = now() - timedelta(days=8)
    invitation_id = new_id("invite")

    def command(counts: MemberCounts) -> InviteMember:
        return InviteMember(
            invitation_id=invitation_id,
            organization_id=organization_id,
            email=email,
            role="member",
            token_digest=digest_of(token).hex(),
            at=at,
            by=OWNER,
            authority=UNRESTRICTED,
            counts=counts,
            is_member=False,
        )

    write = Write(
        decider=INVITATION,
        stream_id=invitation_id,
        organization_id=organization_id,
        command=command,
        guard=members_guard(organization_id, PLANS),
        at=at,
        origin=Origin(OWNER),
        extra_statements=lambda _: [address_put(invitation_id, organization_id, email)],
    )
    api.database.run(execute(api.database.pool, write, INLINE))
    return f"{api.url}/invitations/accept?token={token}"
