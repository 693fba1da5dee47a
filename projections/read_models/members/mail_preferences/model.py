"""Declaration of the mails that members want to receive."""

from domain.members.decider import MEMBER
from domain.members.state import ExistingMember, Member
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row, each_stream
from projections.read_models.members.mail_preferences.apply import apply, chose
from projections.read_models.members.mail_preferences.queries import put


def _row(state: ExistingMember) -> Row | None:
    return tuple(put(state).parameters) if isinstance(state, Member) and chose(state) else None


READ_MODEL = ReadModel(
    name="mail_preferences",
    module=__name__,
    tables=("mail_preferences",),
    inline=InlineProjection(frozenset({MEMBER.kind}), apply),
    rows=(FoldedRows("mail_preferences", ("user_id", "organization_id", "chosen"), each_stream(MEMBER.kind, _row)),),
)
