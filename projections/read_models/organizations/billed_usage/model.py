"""Declaration of billed usage. The log itself owns the table, because the batch that writes the uses counts them."""

from projections.engine.read_model import ReadModel
from projections.read_models.organizations.billed_usage.check import check_billed_usage

READ_MODEL = ReadModel(name="billed_usage", module=__name__, checks=(check_billed_usage,))
