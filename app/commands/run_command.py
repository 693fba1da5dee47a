"""Run the command of a request with its If-Match and Idempotency-Key, and respond with the new revision."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from msgspec import Struct, structs

from app.handlers import (
    HttpRequest,
    Success,
    declared_status,
    encode_success,
    encoded_success,
    get_services,
    raw_request,
)
from app.http.idempotency import REPLAYED, idempotency_key
from app.http.if_match import expected_revisions
from domain.decider import Decider
from eventstore.execute import Change, Lock, LockAndQuery, RelatedCommand
from eventstore.idempotency import StoredResponse
from infrastructure.database.statements import Statement

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")
T = TypeVar("T", bound=Struct)


async def run_command(
    request: HttpRequest,
    decider: Decider[S, C, E],
    stream_id: str,
    command: C | Callable[[F], C],
    *,
    render: Callable[[Change[S, E]], T],
    guard: Lock[F] | LockAndQuery[F] | None = None,
    secret_fields: Sequence[str] = (),
    extra_statements: Sequence[Statement] | Callable[[Change[S, E]], Iterable[Statement]] = (),
    related_commands: Sequence[RelatedCommand[Any, Any, Any]]
    | Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = (),
) -> Success[T]:
    """Run `command` and respond with `render(change)`. `Commands.run` explains the other parameters.

    `secret_fields` of the response are not stored. They are null in a replayed response.
    """
    caller, inbound = request.auth, raw_request(request)

    def stored(change: Change[S, E]) -> StoredResponse:
        rendered = structs.replace(render(change), **dict.fromkeys(secret_fields))
        return StoredResponse(declared_status(request), encode_success(rendered), change.revision)

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
        return encoded_success(done.body, status=done.status, revision=done.revision, headers=REPLAYED)
    return encoded_success(encode_success(render(done)), revision=done.revision)
