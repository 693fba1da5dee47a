"""Declaration of the quota alerts that were sent. A job writes them; no projection does."""

from projections.engine.read_model import ReadModel

READ_MODEL = ReadModel(
    name="quota_alerts_sent",
    module=__name__,
    underivable={"quota_alerts_sent": "alerts contain what was raised; this only saves a worker from asking again"},
)
