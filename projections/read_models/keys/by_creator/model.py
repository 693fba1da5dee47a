"""Declaration of the key lineage: the creator of each key that may have to change together with a member.

These are the active and disabled keys that a user created or that have management grants. When a member is removed,
their keys are revoked. When a member gets another role, their keys lose the grants that the role lacks.
"""

from domain.keys.decider import KEY
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, each_stream
from projections.read_models.keys.by_creator.apply import apply, row_of
from projections.read_models.keys.by_creator.queries import LineageRow

READ_MODEL = ReadModel(
    name="key_lineage",
    module=__name__,
    tables=("key_lineage",),
    inline=InlineProjection(frozenset({KEY.kind}), apply),
    rows=(FoldedRows("key_lineage", LineageRow._fields, each_stream(KEY.kind, row_of)),),
)
