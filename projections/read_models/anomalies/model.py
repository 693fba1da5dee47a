"""Declaration of the data of the anomaly rules: the history of each key, and the signals that wait to be evaluated."""

from projections.engine.read_model import ReadModel
from projections.read_models.anomalies.follow import ANOMALY_WATCH

READ_MODEL = ReadModel(
    name="anomaly_watch",
    module=__name__,
    tables=("key_hours", "key_networks"),
    underivable={
        "denials_by_minute": "denials are deleted after an hour",
        "anomaly_signals": "an outbox: a signal that was evaluated is not evaluated again",
        "anomaly_cooldowns": "alerts contain what was raised; this only keeps a rule from raising it again too soon",
    },
    projection=ANOMALY_WATCH,
)
