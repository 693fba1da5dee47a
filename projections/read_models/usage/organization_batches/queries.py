"""Statement that adds the places of uses in the log."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    batches_apply: bytes


SQL = load(Queries, __file__)
