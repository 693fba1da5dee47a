"""OpenAPI operations on alerts."""

from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.get import get_alert
from app.api.alerts.list import list_alerts
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [declared(list_alerts), declared(get_alert), declared(acknowledge_alert)]
