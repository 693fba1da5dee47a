"""The statements of the order of keys by their last use. `projections.read_models.keys.list` reads it."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    key_recency_add: bytes
    key_recency_status: bytes
    key_recency_move: bytes


SQL = load(Queries, __file__)
