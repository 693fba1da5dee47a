"""The only way to change something: each process has one `Commands`, and every command goes through it.

No other module builds a `Write` or calls `execute`, so no caller can leave out a projection or the deadline.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar, cast

from domain.decider import Decider
from eventstore.execute import (
    Change,
    InlineProjection,
    Lock,
    LockAndQuery,
    RelatedCommand,
    VersionPrecondition,
    Write,
    execute,
)
from eventstore.idempotency import IdempotentRequest, StoredResponse
from eventstore.outcome import Attempt
from eventstore.recorded import Origin
from eventstore.settle import settle
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.database.errors import Unconfirmed
from infrastructure.database.statements import Statement

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs commands on `pool`. The `inline` projections change in the same transaction as the log.

    `admission` returns the guard of a command that has no other guard: it refuses changes of a deleted organization.
    `timeout_seconds`: see `settle`. None sets no deadline here, because the work either has its own (a job) or needs
    none (a program that an operator can stop).
    """

    pool: Pool
    inline: Sequence[InlineProjection]
    admission: Callable[[str], Lock[None]]
    timeout_seconds: float | None = None

    async def run(
        self,
        decider: Decider[S, C, E],
        stream_id: str,
        organization_id: str,
        command: C | Callable[[F], C],
        *,
        origin: Origin,
        at: datetime | None = None,
        guard: Lock[F] | LockAndQuery[F] | None = None,
        requires_unchanged: VersionPrecondition | None = None,
        extra_statements: Sequence[Statement] | Callable[[Change[S, E]], Iterable[Statement]] = (),
        related_commands: Sequence[RelatedCommand[Any, Any, Any]]
        | Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = (),
    ) -> Change[S, E]:
        """Run `command` on the stream and return the change. `Write` explains the parameters.

        Pass values, or functions of the facts that `guard` reads under its lock. `at` is the present by default.
        Raises a `Refusal`, `ConcurrentChange` if others changed the stream first, `Unavailable` if nothing was changed
        and `Unconfirmed` if that is unknown.
        """
        done = await self.run_or_replay(
            decider,
            stream_id,
            organization_id,
            command,
            origin=origin,
            at=at,
            guard=guard,
            requires_unchanged=requires_unchanged,
            extra_statements=extra_statements,
            related_commands=related_commands,
        )
        return cast("Change[S, E]", done)

    async def run_or_replay(
        self,
        decider: Decider[S, C, E],
        stream_id: str,
        organization_id: str,
        command: C | Callable[[F], C],
        *,
        origin: Origin,
        at: datetime | None = None,
        guard: Lock[F] | LockAndQuery[F] | None = None,
        expected_revisions: frozenset[int] | None = None,
        requires_unchanged: VersionPrecondition | None = None,
        idempotency: IdempotentRequest | None = None,
        response: Callable[[Change[S, E]], StoredResponse] | None = None,
        extra_statements: Sequence[Statement] | Callable[[Change[S, E]], Iterable[Statement]] = (),
        related_commands: Sequence[RelatedCommand[Any, Any, Any]]
        | Callable[[F], Sequence[RelatedCommand[Any, Any, Any]]] = (),
    ) -> Change[S, E] | StoredResponse:
        """Run the command of a request, or return the stored response if its Idempotency-Key was handled before."""
        write: Write[S, C, E, F] = Write(
            decider=decider,
            stream_id=stream_id,
            organization_id=organization_id,
            command=_function(command),
            guard=guard or cast("Lock[F]", self.admission(organization_id)),
            at=at or now(),
            origin=origin,
            expected_revisions=expected_revisions,
            requires_unchanged=requires_unchanged,
            idempotency=idempotency,
            response=response,
            extra_statements=_function(extra_statements),
            related_commands=_function(related_commands),
        )
        attempt = Attempt()
        work = execute(self.pool, write, self.inline, attempt)
        if self.timeout_seconds is None:
            return await work
        try:
            return await settle(self.pool, organization_id, attempt, work, self.timeout_seconds)
        except Unconfirmed as error:
            raise Unconfirmed(resource_id=stream_id) from error


def _function(value: T | Callable[[F], T]) -> Callable[[F], T]:
    """Return `value` as a function of the facts, whether it depends on them or not. No command is callable."""
    if callable(value):
        return cast("Callable[[F], T]", value)
    return lambda _: value
