"""Declaration of the invitation list. Email addresses are in a separate table."""

from collections.abc import Iterable
from typing import NamedTuple

from domain.invitations.decider import INVITATION
from eventstore.check import Streams
from eventstore.execute import InlineProjection
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Rule, each_stream
from projections.read_models.invitations.list.apply import apply, put


class _Queries(NamedTuple):
    addresses_astray: bytes


_SQL = load(_Queries, __file__, "check.sql")

_COLUMNS = (
    "invitation_id",
    "organization_id",
    "role",
    "status",
    "token_digest",
    "invited_by",
    "invited_at",
    "expires_at",
)


async def _addresses(connection: Connection, _: Streams) -> Iterable[str]:
    """Check that each address belongs to an open invitation. An erased address is not an error."""
    cursor = await connection.execute(_SQL.addresses_astray)
    return [f"invitation_addresses {id_}: belongs to no open invitation" for (id_,) in await cursor.fetchall()]


READ_MODEL = ReadModel(
    name="invitation_list",
    module=__name__,
    tables=("invitation_list",),
    side_tables=("invitation_addresses",),
    underivable={"invitation_addresses": "no event contains addresses of people, so that they can be erased"},
    inline=InlineProjection(frozenset({INVITATION.kind}), apply),
    rows=(FoldedRows("invitation_list", _COLUMNS, each_stream(INVITATION.kind, lambda state: put(state).parameters)),),
    rules=(Rule(("invitation_addresses",), _addresses),),
)
