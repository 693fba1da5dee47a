"""OpenAPI operations on the service itself."""

from app.api.health import get_liveness, get_readiness
from app.api.metrics import get_metrics
from app.api.openapi_document import get_openapi_document
from app.openapi.operation import Operation, declared
from app.pages.api_reference import get_api_reference, get_reference_style
from app.pages.problems import get_problem_page

OPERATIONS: list[Operation] = [
    declared(get_liveness),
    declared(get_readiness),
    declared(get_metrics),
    declared(get_openapi_document),
    declared(get_api_reference),
    declared(get_reference_style),
    declared(get_problem_page),
]
