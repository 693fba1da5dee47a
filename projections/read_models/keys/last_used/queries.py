"""The SQL statements of the keys by last use. `projections.read_models.keys.list` reads the table."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    key_recency_add: bytes
    key_recency_status: bytes
    key_recency_move: bytes


SQL = load(Queries, __file__)
