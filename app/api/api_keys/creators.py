"""GET /v1/api-keys/creators: list the people who created keys, each with the number of their keys."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.schemas import Count, UserId
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from domain.actor import UserActor
from projections.log_queries.names.queries import names_of
from projections.read_models.keys.list.queries import creators

CREATORS_MAX = 1_000


class KeyCreator(Struct, frozen=True):
    """A current or former member. `keys` counts the keys that they created, in any status."""

    id: UserId
    email: Annotated[str | None, Meta(description="Null if the address was erased.")]
    keys: Count


@Route(
    "GET",
    "/v1/api-keys/creators",
    access="keys:read",
    tag="Keys",
    summary="List the people who created keys",
    description="Current and former members, most keys first. Keys that were created with a key count for no person. "
    f"At most {CREATORS_MAX:,} people are listed. The list of keys accepts each id as `created_by`.",
    example=[KeyCreator(examples.USER_ID, "owner@example.com", 12)],
)
async def list_key_creators(request: HttpRequest) -> Success[list[KeyCreator]]:
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        found = await creators(connection, caller.organization_id, caller.visible_keys.created_by, CREATORS_MAX)
        names = await names_of(connection, actors=[UserActor(each.user_id) for each in found], created_by=None)
    return success([KeyCreator(each.user_id, names.people.get(each.user_id), each.keys) for each in found])
