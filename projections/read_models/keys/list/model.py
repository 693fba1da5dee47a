"""Declaration of the key list: its rows, the terms that a search finds keys by, and the totals of filtered lists."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from domain.keys.decider import KEY
from eventstore.check import Streams
from eventstore.execute import InlineProjection
from infrastructure.database.statements import load
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, each_stream
from projections.read_models.keys.list.apply import apply, cells, put, terms


class _Queries(NamedTuple):
    key_counts_all: bytes


_SQL = load(_Queries, __file__, "check.sql")

_COLUMNS = (
    "key_id",
    "organization_id",
    "name",
    "name_key",
    "prefix",
    "environment",
    "status",
    "created_by",
    "created_at",
    "expires_at",
    "secrets_end_at",
    "all_mcps",
    "mcps",
)


def _terms(streams: Streams) -> Iterator[Row]:
    for key_id, stream in streams.items():
        if stream.kind == KEY.kind:
            for term in terms(stream.state):
                yield key_id, term, stream.organization_id


def _counts(streams: Streams) -> Iterator[Row]:
    counted: Counter[tuple[str, ...]] = Counter()
    for stream in streams.values():
        if stream.kind == KEY.kind:
            counted.update((stream.organization_id, *cell) for cell in cells(stream.state))
    for cell, keys in counted.items():
        yield *cell, keys


READ_MODEL = ReadModel(
    name="key_list",
    module=__name__,
    tables=("key_list", "key_terms", "key_counts"),
    revision=4,
    inline=InlineProjection(frozenset({KEY.kind}), apply),
    rows=(
        FoldedRows("key_list", _COLUMNS, each_stream(KEY.kind, lambda state: put(state).parameters)),
        FoldedRows("key_terms", ("key_id", "term", "organization_id"), _terms, key=2),
        FoldedRows(
            "key_counts",
            ("organization_id", "facet", "environment", "status", "keys"),
            _counts,
            key=4,
            query=_SQL.key_counts_all,
        ),
    ),
)
