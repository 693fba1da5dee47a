"""Declaration of where the uses of organizations are in the log."""

from projections.engine.read_model import ReadModel
from projections.read_models.usage.organization_batches.apply import ORGANIZATION_BATCHES
from projections.read_models.usage.organization_batches.check import check_organization_batches

READ_MODEL = ReadModel(
    name="organization_batches",
    module=__name__,
    tables=("organization_batches",),
    projection=ORGANIZATION_BATCHES,
    checks=(check_organization_batches,),
)
