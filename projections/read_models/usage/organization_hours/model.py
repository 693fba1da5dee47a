"""Declaration of the uses of organizations by hour, MCP server, action and outcome, and of refusals by day."""

from projections.engine.read_model import ReadModel
from projections.read_models.usage.organization_hours.apply import ORGANIZATION_HOURS
from projections.read_models.usage.organization_hours.check import check_organization_hours

READ_MODEL = ReadModel(
    name="organization_usage_hours",
    module=__name__,
    tables=("organization_usage_hours", "organization_hour_totals", "organization_refusal_days"),
    projection=ORGANIZATION_HOURS,
    checks=(check_organization_hours,),
)
