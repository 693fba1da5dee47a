"""Declaration of sessions and sign-ins. Only the end of a session follows from an event."""

from domain.members.decider import MEMBER
from domain.organizations.decider import ORGANIZATION
from domain.sessions.decider import SESSION
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.records.sessions.apply import apply

READ_MODEL = ReadModel(
    name="sessions",
    module=__name__,
    underivable={
        "sessions": "sessions are found by the digest of a secret, which no event contains",
        "sign_in_links": "links are found by the digest of a secret, which no event contains",
        "sign_in_rates": "no event contains attempts of people who are not signed in",
        "sign_in_failures": "no event contains attempts of people who are not signed in",
    },
    inline=InlineProjection(frozenset({SESSION.kind, MEMBER.kind, ORGANIZATION.kind}), apply),
)
