"""Declaration of the verification table: the state of each key, and the key of each secret."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.keys.decider import KEY
from domain.keys.state import Active, Disabled, Expired, Revoked
from eventstore.check import Streams
from eventstore.codec import encode
from eventstore.execute import InlineProjection
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, Rule
from projections.read_models.keys.state.apply import apply
from projections.read_models.keys.state.errors import DigestTaken


class _Queries(NamedTuple):
    key_secrets_all: bytes


_SQL = load(_Queries, __file__, "check.sql")


def _rows(streams: Streams) -> Iterator[Row]:
    for key_id, stream in streams.items():
        if stream.kind == KEY.kind:
            yield key_id, stream.organization_id, stream.version, encode(stream.state)


async def _secrets(connection: Connection, streams: Streams) -> Iterable[str]:
    """Check that the digest of each secret in a state leads to its key, and that no other digest does."""
    cursor = await connection.execute(_SQL.key_secrets_all)
    stored = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
    # A state drops the oldest retired secrets, but the table keeps them. Versions count all of them.
    counted = Counter(key_id for key_id, _ in stored.values())
    problems: list[str] = []
    for key_id, stream in streams.items():
        if isinstance(stream.state, Active | Disabled | Expired | Revoked):
            problems += [
                f"key_secrets: version {secret.version} of {key_id} is missing or leads elsewhere"
                for secret in stream.state.key.secrets
                if stored.get(secret.digest) != (key_id, secret.version)
            ]
            found, given = counted[key_id], stream.state.key.current_secret.version
            if found != given:
                problems.append(f"key_secrets: {found} lead to {key_id}, and the log gave it {given}")
    problems += [
        f"key_secrets: one leads to {key_id}, which has no event"
        for key_id, _ in stored.values()
        if key_id not in streams
    ]
    return problems


READ_MODEL = ReadModel(
    name="key_state",
    module=__name__,
    tables=("key_state", "key_secrets"),
    inline=InlineProjection(frozenset({KEY.kind}), apply, violations={"key_secrets_pkey": DigestTaken}),
    rows=(FoldedRows("key_state", ("key_id", "organization_id", "version", "state"), _rows),),
    rules=(Rule(("key_secrets",), _secrets),),
)
