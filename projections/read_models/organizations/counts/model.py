"""Declaration of the counts that plans limit."""

from collections import Counter
from collections.abc import Iterator

from domain.keys.decider import KEY
from domain.mcps.decider import MCP
from domain.members.decider import MEMBER
from domain.organizations.decider import ORGANIZATION
from domain.organizations.state import Deleted, Erased, Organization, details_of, status_of
from eventstore.check import Streams
from eventstore.execute import InlineProjection
from projections.engine.read_model import ReadModel
from projections.engine.verify import FoldedRows, Row
from projections.read_models.organizations.counts.apply import Counts, apply, counts


def _rows(streams: Streams) -> Iterator[Row]:
    totals: dict[str, Counter[str]] = {}
    for stream in streams.values():
        totals.setdefault(stream.organization_id, Counter()).update(counts(stream.state)._asdict())
    for stream in streams.values():
        if isinstance(stream.state, Organization | Deleted | Erased):
            total = totals[stream.organization_id]
            details, status = details_of(stream.state), status_of(stream.state)
            yield (stream.organization_id, details.plan, status, *[total[name] for name in Counts._fields])


READ_MODEL = ReadModel(
    name="organization_guard",
    module=__name__,
    tables=("organization_guard",),
    inline=InlineProjection(frozenset({ORGANIZATION.kind, KEY.kind, MCP.kind, MEMBER.kind}), apply),
    rows=(FoldedRows("organization_guard", ("organization_id", "plan", "status", *Counts._fields), _rows),),
)
