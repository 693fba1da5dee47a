"""Removal or role change of a member, together with their keys.

Both happen in one transaction: after its commit, no key of the member exceeds what the member may do. If there are too
many keys for one transaction, the excess keys are changed first, one by one. An interruption then leaves keys with too
few permissions, never too many, and a repeated request does the rest.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple, TypeVar

from msgspec import Struct
from psycopg.rows import TupleRow

from app.commands.run_command import run_command
from app.commands.step_by_step import step_by_step
from app.handlers import HttpRequest, Success, get_services, raw_request
from domain.grants import Grant
from domain.keys.commands import KeyCommand
from domain.keys.decider import KEY
from domain.members.commands import MemberCommand
from domain.members.decider import MEMBER
from domain.members.events import MemberEvent
from domain.members.state import MemberState
from domain.plans.plan import KeyCounts
from eventstore.execute import Change, LockAndQuery, RelatedCommand
from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement
from projections.read_models.keys.by_creator.queries import keys_of
from projections.read_models.organizations.counts.queries import keys_guard

T = TypeVar("T", bound=Struct)

KEYS_AT_ONCE = 100
"""Number of keys changed in one transaction, which takes a fraction of a second."""

KeyCommandFactory = Callable[[KeyCounts], KeyCommand]
"""Builds the command for each of the keys."""


class _Keys(NamedTuple):
    """`key_ids` has at most one id more than fits in a transaction, which shows that there are too many."""

    counts: KeyCounts
    key_ids: list[str]


class _TooManyKeys(Exception):
    """The member has more keys than fit in one transaction. Nothing has been changed."""

    def __init__(self, key_ids: list[str]) -> None:
        super().__init__()
        self.key_ids = key_ids


async def run_with_keys(
    request: HttpRequest,
    user_id: str,
    command: MemberCommand,
    of_key: KeyCommandFactory,
    *,
    held: Iterable[Grant] | None,
    render: Callable[[Change[MemberState, MemberEvent], int], T],
) -> Success[T]:
    """Run `command`, and `of_key` on every key with grants beyond `held` (None: on all keys of the member).

    The response is `render` of the change and the number of changed keys.
    """

    def key_commands(keys: _Keys) -> list[RelatedCommand[Any, Any, Any]]:
        return [RelatedCommand(KEY, key_id, of_key(keys.counts)) for key_id in keys.key_ids]

    def check_number(change: Change[MemberState, MemberEvent]) -> Iterable[Statement]:
        # This runs after the command was accepted and before anything is written.
        if len(change.related) > KEYS_AT_ONCE:
            raise _TooManyKeys([key.stream_id for key in change.related])
        return ()

    changed: list[bool] = []

    async def attempt() -> Success[T]:
        return await run_command(
            request,
            MEMBER,
            user_id,
            command,
            guard=_lock_and_find_keys(request, user_id, held),
            related_commands=key_commands,
            extra_statements=check_number,
            render=lambda change: render(change, sum(changed) + sum(bool(key.events) for key in change.related)),
        )

    with step_by_step(lambda: any(changed)):
        while True:
            try:
                return await attempt()
            except _TooManyKeys as surplus:
                keys = surplus.key_ids
            async for each in _change_one_by_one(request, keys, of_key):
                changed.append(each)  # noqa: PERF401 -- the results so far must survive a failure


def _lock_and_find_keys(request: HttpRequest, user_id: str, held: Iterable[Grant] | None) -> LockAndQuery[_Keys]:
    organization_id = request.auth.organization_id
    guard = keys_guard(organization_id, get_services(request).plans)

    async def read(connection: Connection, row: TupleRow | None) -> _Keys:
        limit = KEYS_AT_ONCE + 1
        return _Keys(guard.facts(row), await keys_of(connection, organization_id, user_id, held=held, limit=limit))

    return LockAndQuery(guard.statement, read)


async def _change_one_by_one(
    request: HttpRequest, key_ids: Iterable[str], of_key: KeyCommandFactory
) -> AsyncIterator[bool]:
    """Yield whether each key was changed. Skip the caller's own key: without it the request could not continue."""
    auth, services = request.auth, get_services(request)
    for key_id in key_ids:
        if key_id == auth.id:
            continue
        change = await services.commands.run(
            KEY,
            key_id,
            auth.organization_id,
            of_key,
            origin=auth.origin(raw_request(request)),
            guard=keys_guard(auth.organization_id, services.plans),
            requires_unchanged=auth.version_precondition,
        )
        yield bool(change.events)
