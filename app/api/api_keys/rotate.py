"""POST /v1/api-keys/{id}/rotate: a new secret for the same key. It is in this answer and nowhere else."""

import os
from datetime import timedelta

from litestar import post
from msgspec import Struct

from app.api.api_keys.own import refuse_unseen
from app.api.api_keys.shape import changed_key
from app.api.api_keys.surroundings import surroundings_of
from app.changes import change
from app.requests import HttpRequest, HttpResponse, NoParameters, body_of, query_of, services_of
from domain.keys.commands import RotateKey
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.keys.secret import ENTROPY_BYTES, mint, record
from eventstore.clock import now
from eventstore.execute import no_guard


class Body(Struct, frozen=True, forbid_unknown_fields=True):
    overlap_seconds: int = 0


@post("/v1/api-keys/{key_id:str}/rotate", grant="keys:write", status_code=200)
async def rotate_key(request: HttpRequest, key_id: str) -> HttpResponse:
    query_of(request, NoParameters)
    wanted = body_of(request, Body)
    await refuse_unseen(request, key_id)
    at = now()
    surroundings = await surroundings_of(services_of(request).pool, key_id, request.auth.organization_id, at)
    if surroundings.state is None:
        raise KeyNotFound
    secret = mint(surroundings.state.key.environment, os.urandom(ENTROPY_BYTES))
    command = RotateKey(
        secret=record(secret),
        at=at,
        authority=request.auth.authority,
        known_mcps=surroundings.known_mcps,
        overlap_seconds=wanted.overlap_seconds,
    )
    return await change(
        request,
        KEY,
        key_id,
        command=lambda _: command,
        guard=no_guard(),
        shown=lambda made: {
            **changed_key(made, surroundings),
            "previous_valid_until": at + timedelta(seconds=wanted.overlap_seconds),
        },
        only_now={"key": secret.reveal()},
    )
