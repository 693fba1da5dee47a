"""Declaration of the list of organizations."""

from domain.organizations.decider import ORGANIZATION
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, each_stream
from projections.read_models.organizations.list.apply import apply, put

_COLUMNS = (
    "organization_id",
    "name",
    "slug",
    "description",
    "settings",
    "plan",
    "created_at",
    "revision",
    "deleted_at",
    "restorable_until",
    "erased_at",
)


READ_MODEL = ReadModel(
    name="organization_list",
    module=__name__,
    tables=("organization_list",),
    inline=InlineProjection(frozenset({ORGANIZATION.kind}), apply),
    rows=(
        FoldedRows("organization_list", _COLUMNS, each_stream(ORGANIZATION.kind, lambda state: put(state).parameters)),
    ),
)
