"""The SQL statements about versions of read models, by name."""

from typing import NamedTuple

from infrastructure.database.statements import load


class Queries(NamedTuple):
    model_claim: bytes
    live_checkpoints: bytes
    live_checkpoints_hold: bytes
    version_begun: bytes
    version_last: bytes
    version_begin: bytes
    version_end: bytes
    version_stops_end: bytes
    version_move: bytes
    schemas: bytes
    columns: bytes
    renewal_claim: bytes
    revision: bytes
    revision_making: bytes
    revision_made: bytes


SQL = load(Queries, __file__)
