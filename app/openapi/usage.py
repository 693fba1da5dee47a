"""OpenAPI operations on usage."""

from app.api.api_keys.usage import get_key_usage
from app.api.usage.current import get_usage
from app.api.usage.history import list_usage_history
from app.api.usage.organization import get_organization_usage
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(get_key_usage),
    declared(get_usage),
    declared(get_organization_usage),
    declared(list_usage_history),
]
