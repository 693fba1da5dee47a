"""Run the command of a request with its If-Match and Idempotency-Key, and respond with the new revision."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from app.commands.replies import respond
from app.handlers import HttpRequest, HttpResponse, get_services, raw_request
from app.http.idempotency import idempotency_key
from app.http.if_match import expected_revisions
from domain.decider import Decider
from eventstore.execute import Change, Lock, LockAndQuery, RelatedCommand
from eventstore.idempotency import StoredResponse
from infrastructure.database.statements import Statement

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")


async def run_command(
    request: HttpRequest,
    decider: Decider[S, C, E],
    stream_id: str,
    command: C | Callable[[F], C],
    *,
    render: Callable[[Change[S, E]], dict[str, Any]],
    guard: Lock[F] | LockAndQuery[F] | None = None,
    secret_fields: dict[str, Any] | None = None,
    status: int = 200,
    extra_statements: Sequence[Statement] | Callable[[Change[S, E]], Iterable[Statement]] = (),
    related_commands: Sequence[RelatedCommand[Any, Any, Any]]
    | Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = (),
) -> HttpResponse:
    """Run `command` and respond with `render(change)`. `Commands.run` explains the other parameters.

    `secret_fields` are part of this one response and are not stored. A replayed response has null in their place.
    """
    caller, inbound = request.auth, raw_request(request)

    def content(change: Change[S, E], extra: dict[str, Any]) -> bytes:
        return msgspec.json.encode({"success": True, "data": {**render(change), **extra}})

    def stored(change: Change[S, E]) -> StoredResponse:
        return StoredResponse(status, content(change, dict.fromkeys(secret_fields or {})), change.revision)

    done = await get_services(request).commands.run_or_replay(
        decider,
        stream_id,
        caller.organization_id,
        command,
        origin=caller.origin(inbound),
        guard=guard,
        expected_revisions=expected_revisions(inbound),
        requires_unchanged=caller.version_precondition,
        idempotency=idempotency_key(inbound, caller.id),
        response=stored,
        extra_statements=extra_statements,
        related_commands=related_commands,
    )
    if isinstance(done, StoredResponse):
        return respond(done.body, done.status, done.revision, replayed=True)
    return respond(content(done, secret_fields or {}), status, done.revision)
