"""GET /v1/api-keys/{id}/clients: count the newest uses of a key by the user agent of its clients."""

from typing import Annotated

from msgspec import Meta, Struct

from app.api import examples
from app.api.api_keys.visibility import require_visible
from app.api.schemas import Count, Time
from app.handlers import HttpRequest, Success, get_services, success
from app.route import Route
from projections.log_queries.activity.clients import LISTED_MAX, USES_MAX, clients_of
from projections.read_models.keys.state.queries import key_of


class KeyClient(Struct, frozen=True):
    """A user agent. It is what the client says about itself, and null for uses without one."""

    user_agent: str | None
    uses: Count
    last_used: Time


class KeyClients(Struct, frozen=True):
    """The clients of the newest uses of a key, allowed or denied. `uses` is the number of these uses."""

    clients: Annotated[list[KeyClient], Meta(description=f"The {LISTED_MAX} with the most uses, most uses first.")]
    total: Annotated[Count, Meta(description="The number of different user agents, also of those that are not listed.")]
    uses: Annotated[Count, Meta(description=f"At most {USES_MAX:,}. Fewer are all uses in the log.")]
    since: Annotated[Time | None, Meta(description="The time of the oldest of these uses; null if there is none.")]


@Route(
    "GET",
    "/v1/api-keys/{key_id}/clients",
    access="keys:read",
    tag="Keys",
    summary="Count the uses of a key by client",
    description=f"The user agents of the newest {USES_MAX:,} uses of the key, allowed or denied. They are read from "
    "the log, so the newest use is included.",
    example=KeyClients(
        clients=[KeyClient("agent/1.0", 998, examples.LATER), KeyClient(None, 2, examples.THEN)],
        total=2,
        uses=1_000,
        since=examples.THEN,
    ),
)
async def get_key_clients(request: HttpRequest, key_id: str) -> Success[KeyClients]:
    caller = request.auth
    async with get_services(request).read_transaction(caller.organization_id) as connection:
        require_visible(caller, await key_of(connection, key_id, caller.organization_id))
        found = await clients_of(connection, key_id, caller.organization_id)
    return success(KeyClients([KeyClient(*each) for each in found.listed], found.total, found.uses, found.since))
