"""Declaration of the member list. Email addresses are in a separate table."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from domain.members.decider import MEMBER
from domain.members.roles import owns
from domain.members.state import ExistingMember, Member
from eventstore.check import Streams
from eventstore.execute import InlineProjection
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, Rule, each_stream
from projections.read_models.members.list.apply import apply, put


class _Queries(NamedTuple):
    users_astray: bytes


_SQL = load(_Queries, __file__, "check.sql")


def _row(state: ExistingMember) -> Row | None:
    return tuple(put(state).parameters) if isinstance(state, Member) else None


async def _addresses(connection: Connection, _: Streams) -> Iterable[str]:
    """Check that each address belongs to a member or former member. An erased address is not an error."""
    cursor = await connection.execute(_SQL.users_astray)
    return [f"users {user_id}: belongs to no member" for (user_id,) in await cursor.fetchall()]


async def _owners(_: Connection, streams: Streams) -> Iterable[str]:
    """Check that each organization with members has one owner."""
    owners: Counter[str] = Counter()
    for stream in streams.values():
        if isinstance(stream.state, Member):
            owners[stream.organization_id] += owns(stream.state.role)
    return [f"{organization_id} has {count} owners" for organization_id, count in sorted(owners.items()) if count != 1]


READ_MODEL = ReadModel(
    name="member_list",
    module=__name__,
    tables=("member_list",),
    side_tables=("users",),
    underivable={"users": "no event contains addresses of people, so that they can be erased"},
    inline=InlineProjection(frozenset({MEMBER.kind}), apply),
    rows=(
        FoldedRows("member_list", ("user_id", "organization_id", "role", "added_at"), each_stream(MEMBER.kind, _row)),
    ),
    rules=(Rule(("users",), _addresses), Rule((), _owners)),
)
