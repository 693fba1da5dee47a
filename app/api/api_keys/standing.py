"""What disabling and enabling a key have in common."""

from collections.abc import Callable
from datetime import datetime

from app.api.api_keys.elapsed import living_keys
from app.api.api_keys.own import refuse_unseen
from app.api.api_keys.shape import changed_key
from app.api.api_keys.surroundings import Surroundings, surroundings_of
from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.keys.commands import DisableKey, EnableKey
from domain.keys.decider import KEY
from domain.organizations.plan import KeyCensus
from eventstore.clock import now


async def change_standing(
    request: HttpRequest, key_id: str, command: Callable[[datetime, Surroundings, KeyCensus], DisableKey | EnableKey]
) -> HttpResponse:
    """Carry out the `command` that the instant, what is known about the key, and the counts make, and show the key."""
    query_of(request, NoParameters)
    body_of(request, NoParameters)
    await refuse_unseen(request, key_id)
    at = now()
    surroundings = await surroundings_of(services_of(request).pool, key_id, request.auth.organization_id, at)
    return await change(
        request,
        KEY,
        key_id,
        command=lambda census: command(at, surroundings, census),
        # The counts change with the key, and all who change them lock them first. Its own end is decided upon them.
        guard=living_keys(request.auth.organization_id, services_of(request).plans, at),
        shown=lambda made: changed_key(made, surroundings),
    )
