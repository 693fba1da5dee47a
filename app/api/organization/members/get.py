"""GET /v1/organization/members/{user_id}: return one member."""

from app.api.organization.members.schemas import MEMBER_EXAMPLE, Member, to_member
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.members.errors import MemberNotFound
from projections.read_models.members.list.queries import member_of


@Route(
    "GET",
    "/v1/organization/members/{user_id}",
    access="members:read",
    tag="Members",
    summary="Get a member",
    description="The revision is that of the membership, for `If-Match`.",
    example=MEMBER_EXAMPLE,
    has_revision=True,
)
async def get_member(request: HttpRequest, user_id: str) -> Success[Member]:
    organization_id = request.auth.organization_id
    async with get_services(request).read_transaction(organization_id) as connection:
        found = await member_of(connection, user_id, organization_id)
    if found is None:
        raise MemberNotFound
    return success(to_member(found), revision=found.revision)
