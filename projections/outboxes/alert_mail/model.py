"""Declaration of the outbox of alert mails. A rebuild derives none of it, or mails would be sent twice."""

from projections.engine.read_model import ReadModel
from projections.outboxes.alert_mail.follow import ALERT_NOTICES

READ_MODEL = ReadModel(
    name="alert_notices",
    module=__name__,
    underivable={"alert_notices": "an outbox: who is notified of an alert is decided once"},
    projection=ALERT_NOTICES,
)
