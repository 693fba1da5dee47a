"""Invariant I4: every inline read model equals a fold of the log, row by row and field by field."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from eventstore.check import InlineCheck, Streams
from infrastructure.database.connections import Connection

Row = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class FoldedRows:
    """The rows that `table` must contain.

    `rows` derives them from the folded streams, in the order of `columns`, of which the first `key` identify a row.
    `query` replaces the plain select of these columns. If `complete` is false, a row may be missing, but a row that is
    there must be right.
    """

    table: str
    columns: tuple[str, ...]
    rows: Callable[[Streams], Iterable[Row]]
    key: int = 1
    query: bytes | None = None
    complete: bool = True

    async def violations(self, connection: Connection, streams: Streams) -> Iterable[str]:
        """Return a line for each row that is missing, has no event or differs."""
        cursor = await connection.execute(self.query or self._select())
        stored = {row[: self.key]: tuple(row) for row in await cursor.fetchall()}
        folded = {row[: self.key]: row for row in self.rows(streams)}
        keys = stored.keys() | folded.keys() if self.complete else stored.keys()
        return [
            f"{self.table} {' '.join(map(str, key))}: {_difference(stored.get(key), folded.get(key))}"
            for key in sorted(keys)
            if stored.get(key) != folded.get(key)
        ]

    def _select(self) -> sql.Composed:
        columns = sql.SQL(", ").join(map(sql.Identifier, self.columns))
        return sql.SQL("select {} from {}").format(columns, sql.Identifier(self.table))


@dataclass(frozen=True, slots=True)
class Rule:
    """A promise about `tables` that is not a list of rows. `violations` returns a line for each breach."""

    tables: tuple[str, ...]
    violations: InlineCheck


def each_stream(kind: str, row: Callable[[Any], Sequence[object] | None]) -> Callable[[Streams], Iterator[Row]]:
    """Return a function that calls `row` with the state of each stream of `kind`. None means that it has no row."""

    def rows(streams: Streams) -> Iterator[Row]:
        for stream in streams.values():
            derived = row(stream.state) if stream.kind == kind and stream.state is not None else None
            if derived is not None:
                yield tuple(derived)

    return rows


def _difference(stored: Row | None, folded: Row | None) -> str:
    if folded is None:
        return "has no event"
    return "is missing" if stored is None else "differs from the log"
