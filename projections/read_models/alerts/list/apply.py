"""Derive the rows of the alert list from a change."""

from collections.abc import Iterable
from typing import Any

from domain.alerts.events import AlertEvent
from eventstore.execute import Change
from infrastructure.database.statements import Statement
from projections.read_models.alerts.list.queries import alert_put


def apply(change: Change[Any, AlertEvent]) -> Iterable[Statement]:
    yield alert_put(change.after)
