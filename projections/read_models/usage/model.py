"""Declaration of the counts of uses: by key, MCP, tool, hour and day."""

from projections.engine.read_model import ReadModel
from projections.read_models.usage.apply import USAGE
from projections.read_models.usage.check import check_usage

READ_MODEL = ReadModel(
    name="usage",
    module=__name__,
    tables=(
        "usage_counts",
        "key_usage",
        "key_usage_days",
        "key_secret_usage",
        "mcp_usage",
        "mcp_usage_days",
        "mcp_calls",
        "usage_days",
        "key_refusal_days",
        "organization_usage_days",
    ),
    projection=USAGE,
    checks=(check_usage,),
)
