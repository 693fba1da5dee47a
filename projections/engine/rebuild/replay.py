"""Replay of an inline projection: its changes are derived from the log, like those of an async projection."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any, NamedTuple

from eventstore.codec import DECIDERS, decode_event, decode_record
from eventstore.execute import Change, InlineProjection
from eventstore.queries import SQL
from eventstore.reader import read_lifecycle
from eventstore.recorded import Recorded
from infrastructure.database.connections import Connection
from projections.engine.runner import AsyncProjection

EVENTS_MAX = 2_000
"""The page size: the events of a lane that are applied in one transaction."""

_DECIDERS = {event_type: decider for decider in DECIDERS for event_type in decider.event_types}


def replaying(projection: str, model: InlineProjection) -> AsyncProjection[Recorded[Any]]:
    """Return a projection that applies to `model` what `execute` applied to it when the events were written."""
    streams = _Streams()

    async def read(connection: Connection, lane: int, after: int) -> Sequence[Recorded[Any]]:
        page = await read_lifecycle(connection, lane, after, EVENTS_MAX)
        return _complete_changes(page) if len(page) == EVENTS_MAX else page

    async def apply(connection: Connection, page: Sequence[Recorded[Any]]) -> None:
        statements = [
            statement
            for change in [await streams.change(connection, events) for events in _changes(page)]
            for statement in model.statements(change)
        ]
        async with connection.pipeline():
            for query, parameters in statements:
                await connection.execute(query, parameters)

    return AsyncProjection(name=projection, version=1, log="lifecycle", read=read, apply=apply)


def _changes(page: Sequence[Recorded[Any]]) -> list[list[Recorded[Any]]]:
    """Return the events of each change: consecutive events of one stream in the lane with the same instant."""
    grouped = groupby(page, key=lambda recorded: (recorded.record.stream_id, recorded.record.occurred_at))
    return [list(events) for _, events in grouped]


def _complete_changes(page: Sequence[Recorded[Any]]) -> Sequence[Recorded[Any]]:
    """Return `page` without its last change, which may continue on the next page."""
    last = len(_changes(page)[-1])
    return page[:-last] if last < len(page) else page


class _State(NamedTuple):
    version: int
    state: Any


class _Streams:
    """The state of every stream that was seen, as of its last event."""

    def __init__(self) -> None:
        self._states: dict[str, _State] = {}

    async def change(self, connection: Connection, events: Sequence[Recorded[Any]]) -> Change[Any, Any]:
        first, last = events[0].record, events[-1].record
        decider = _DECIDERS[type(events[0].event)]
        previous = self._states.get(first.stream_id)
        if previous is None or previous.version != first.version - 1:
            # A new stream, a stream whose start an earlier process applied, or a page that is retried.
            bodies = await _bodies(connection, first.stream_id, first.organization_id, decider.kind)
            earlier = [decode_event(decode_record(body)) for body in bodies[: first.version - 1]]
            previous = _State(first.version - 1, decider.fold(earlier))
        happened = tuple(recorded.event for recorded in events)
        after = decider.fold(happened, previous.state)
        self._states[first.stream_id] = _State(last.version, after)
        return Change(
            kind=decider.kind,
            stream_id=first.stream_id,
            organization_id=first.organization_id,
            before=previous.state,
            after=after,
            events=happened,
            revision=last.version,
            at=first.occurred_at,
        )


async def _bodies(connection: Connection, stream_id: str, organization_id: str, kind: str) -> list[bytes]:
    cursor = await connection.execute(SQL.stream_load, (stream_id, organization_id, kind))
    return [bytes(row[0]) for row in await cursor.fetchall()]
