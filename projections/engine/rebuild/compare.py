"""Comparison of two versions of a read model, row by row."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from psycopg.rows import TupleRow

from infrastructure.database.connections import Connection
from projections.engine.read_model import ReadModel
from projections.engine.rebuild.tables import Table, load_table, rows
from projections.engine.runner import LIVE

_SHOWN_MAX = 200


class Difference(NamedTuple):
    """A differing row. A side is None if that version has no row with this key."""

    table: Table
    live: TupleRow | None
    derived: TupleRow | None

    def __str__(self) -> str:
        row = self.live if self.live is not None else self.derived
        columns = [*self.table.key, *[name for name in self.table.columns if name not in self.table.key]]
        key = ", ".join(f"{name}={value!r}" for name, value in zip(self.table.key, row or (), strict=False))
        if self.live is None or self.derived is None:
            where = "missing from the live version" if self.live is None else "only in the live version"
            return f"{self.table.name} ({key}): {where}"
        changed = [
            f"{name} is {_short(live)} and follows from the log as {_short(derived)}"
            for name, live, derived in zip(columns, self.live, self.derived, strict=True)
            if live != derived
        ]
        return f"{self.table.name} ({key}): {'; '.join(changed)}"


@dataclass(slots=True)
class Comparison:
    """The result of a comparison: `rows` were compared, and `first` is the first of `differences`."""

    rows: int = 0
    differences: int = 0
    first: Difference | None = None

    @property
    def equal(self) -> bool:
        return self.differences == 0


async def compare(live: Connection, derived: Connection, model: ReadModel, schema: str) -> Comparison:
    """Compare the tables of two connections, each in a snapshot transaction. `derived` reads the tables in `schema`."""
    result = Comparison()
    for name in model.tables:
        table = await load_table(live, name)
        await _compare_table(table, rows(live, table, LIVE), rows(derived, table, schema), result)
    return result


async def _compare_table(
    table: Table, live: AsyncIterator[TupleRow], derived: AsyncIterator[TupleRow], result: Comparison
) -> None:
    width = len(table.key)
    left, right = await anext(live, None), await anext(derived, None)
    while left is not None or right is not None:
        result.rows += 1
        side = _side(left, right, width)
        if side != 0 or left != right:
            result.differences += 1
            difference = Difference(table, left if side <= 0 else None, right if side >= 0 else None)
            result.first = result.first or difference
        if side <= 0:
            left = await anext(live, None)
        if side >= 0:
            right = await anext(derived, None)


def _side(left: TupleRow | None, right: TupleRow | None, width: int) -> int:
    """Return which side has the next key: negative for left only, positive for right only, zero for both."""
    if left is None or right is None:
        return -1 if right is None else 1
    left_key, right_key = left[:width], right[:width]
    return (left_key > right_key) - (left_key < right_key)


def _short(value: Any) -> str:  # noqa: ANN401 -- any value of a column
    text = repr(value)
    return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}…"
