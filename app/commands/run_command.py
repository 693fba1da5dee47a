"""From a request to a change: If-Match, Idempotency-Key and X-Revision, for every route that changes something."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import msgspec

from app.commands.outcomes import carry_out
from app.http.handlers import HttpRequest, HttpResponse, get_services, raw_request
from app.http.idempotency import idempotency_key
from app.http.if_match import expected_revisions
from app.http.replies import respond
from domain.decider import Decider
from eventstore.execute import Change, Lock, LockAndQuery, RelatedCommand, Write
from eventstore.idempotency import StoredResponse
from infrastructure.clock import new_event_id, now
from infrastructure.database.statements import Statement

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")


async def change(
    request: HttpRequest,
    decider: Decider[S, C, E],
    stream_id: str,
    *,
    command: Callable[[F], C],
    guard: Lock[F] | LockAndQuery[F],
    shown: Callable[[Change[S, E]], dict[str, Any]],
    only_now: dict[str, Any] | None = None,
    status: int = 200,
    also: Callable[[Change[S, E]], Iterable[Statement]] = lambda _: (),
    beside: Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = lambda _: (),
) -> HttpResponse:
    """Carry out a command and answer with what `shown` makes of the change.

    `only_now` is added to this one answer and kept nowhere: the secret. A repeat under its Idempotency-Key sees null.
    """
    inbound = raw_request(request)

    def render(made: Change[S, E], extra: dict[str, Any]) -> bytes:
        return msgspec.json.encode({"success": True, "data": {**shown(made), **extra}})

    write = Write(
        decider=decider,
        stream_id=stream_id,
        organization_id=request.auth.organization_id,
        command=command,
        guard=guard,
        at=now(),
        origin=request.auth.origin(inbound),
        new_event_id=new_event_id,
        expected_revisions=expected_revisions(inbound),
        requires_unchanged=request.auth.reliance,
        idempotency=idempotency_key(inbound, request.auth.id),
        answer=lambda made: StoredResponse(status, render(made, dict.fromkeys(only_now or {})), made.revision),
        extra_statements=also,
        related_commands=beside,
    )
    made = await carry_out(get_services(request), write)
    if isinstance(made, StoredResponse):
        return respond(made.body, made.status, made.revision, replayed=True)
    return respond(render(made, only_now or {}), status, made.revision)
