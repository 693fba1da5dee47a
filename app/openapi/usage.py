"""OpenAPI operations on usage."""

import msgspec

from app.api.api_keys.usage import key_usage
from app.api.usage.current import get_usage
from app.api.usage.history import list_usage_history
from app.api.usage.organization import get_organization_usage
from app.api.usage.period import Query
from app.api.usage.schemas import COUNTING, KEY_REPORT_EXAMPLE, KeyReport
from app.openapi.operation import Answer, Operation, declared, routed

OPERATIONS: list[Operation] = [
    routed(
        key_usage,
        tag="Usage",
        summary="Get the usage of a key",
        description=COUNTING,
        query=Query,
        answer=Answer(KeyReport, msgspec.to_builtins(KEY_REPORT_EXAMPLE)),
    ),
    declared(get_usage),
    declared(get_organization_usage),
    declared(list_usage_history),
]
