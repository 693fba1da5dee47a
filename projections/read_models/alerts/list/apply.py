"""How the list of alerts follows from a change."""

from collections.abc import Iterable
from typing import Any, cast

from domain.alerts.decider import ALERT
from domain.alerts.state import ExistingAlert
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.alerts.list.queries import alert_put


def apply(change: Change[Any, Any]) -> Iterable[Statement]:
    if change.kind == ALERT.kind:
        yield alert_put(cast("ExistingAlert", change.after))
