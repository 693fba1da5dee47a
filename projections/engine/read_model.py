"""Declaration of a read model: one value in `model.py` of its folder describes everything about it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from eventstore.check import Check
from eventstore.execute import InlineProjection
from projections.engine.runner import AsyncProjection, Log
from projections.engine.verify import FoldedRows, Rule


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadModel:
    """The tables of one folder, how they change and how they are verified.

    `tables` follow from the log alone, and a rebuild derives them again: `inline` first, then `projection`.
    `underivable` are the other tables of the folder, each with the reason why no rebuild derives it. `side_tables` are
    underivable tables that the statements of this read model also change, such as addresses that are deleted with a
    member. A rebuild works on empty copies of them, so that it changes only its own tables. `revision` goes up when the
    derivation changes and existing rows must be derived again. `python -m eventstore check` compares `rows`, `rules`
    and `checks` with the two logs.
    """

    name: str
    module: str
    tables: tuple[str, ...] = ()
    side_tables: tuple[str, ...] = ()
    underivable: Mapping[str, str] = field(default_factory=dict[str, str])
    revision: int = 1
    inline: InlineProjection | None = None
    projection: AsyncProjection[Any] | None = None
    rows: tuple[FoldedRows, ...] = ()
    rules: tuple[Rule, ...] = ()
    checks: tuple[Check, ...] = ()

    @property
    def folder(self) -> str:
        """Return the folder of the schema, below `projections/`."""
        return "/".join(self.module.split(".")[1:-1])

    @property
    def logs(self) -> tuple[Log, ...]:
        """Return the logs that a rebuild reads, in this order."""
        inline: tuple[Log, ...] = () if self.inline is None else ("lifecycle",)
        return inline if self.projection is None else (*inline, self.projection.log)
