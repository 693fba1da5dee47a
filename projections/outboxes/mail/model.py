"""Declaration of the outbox of mails. Routes and jobs write it; no projection does."""

from projections.engine.read_model import ReadModel

READ_MODEL = ReadModel(
    name="mail_outbox",
    module=__name__,
    underivable={"mail_outbox": "an outbox: what was sent is not sent again"},
)
