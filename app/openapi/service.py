"""OpenAPI operations on the service itself."""

from app.api import health
from app.api.metrics import metrics
from app.api.openapi_document import openapi_document
from app.http.error_catalogue import ERRORS
from app.openapi.operation import Answer, Operation, direct, routed
from app.openapi.shapes import service
from app.pages.api_reference import reference, reference_style
from app.pages.problems import problem_page

_TAG = "Service"
_READY = Answer(
    service.Ready,
    {
        "status": "degraded",
        "checks": {
            "process": "ok",
            "verification": "ok",
            "database": "ok",
            "migrations": "ok",
            "followers": "ok",
            "partitions": "ok",
            "redis": "ok",
            "workers": "no worker runs: start one with python -m workers run",
            "scheduler": "ok",
            "jobs": "ok",
            "clock": "ok",
        },
    },
)

OPERATIONS: list[Operation] = [
    direct(
        "GET",
        "/health/live",
        health.live,
        "anyone",
        tag=_TAG,
        summary="Check that the process runs",
        description="The check depends on nothing else: a process that responds does not need a restart.",
        answer=Answer(service.Live, {"status": "live"}),
    ),
    routed(
        health.ready,
        tag=_TAG,
        summary="Check whether the process can serve requests",
        description="For load balancers. Requests are served even without Redis, workers or scheduler: the status "
        "is then 200 and `degraded`. `checks` lists what is missing and the remedy.",
        answer=_READY,
        also={
            503: (
                "No request can be served: no database or schema, no verification, or a shutdown.",
                _READY,
            )
        },
    ),
    direct(
        "GET",
        "/metrics",
        metrics,
        "anyone",
        tag=_TAG,
        summary="Get the Prometheus metrics",
        description="Accepted from this machine or a private network without an unknown proxy. If the operator has "
        "set a token, it is required as a bearer token instead.",
        answer=Answer(content_type="text/plain; version=0.0.4; charset=utf-8"),
        errors=("forbidden",),
    ),
    routed(
        openapi_document,
        tag=_TAG,
        summary="Get the OpenAPI document",
        description="The document in OpenAPI 3.1.",
        answer=Answer(data=service.OpenApi, whole=True, example={"openapi": "3.1.0"}),
    ),
    routed(
        reference,
        tag=_TAG,
        summary="Read the API reference",
        description="An HTML page without scripts and external resources.",
        answer=Answer(content_type="text/html; charset=utf-8"),
    ),
    routed(
        reference_style,
        tag=_TAG,
        summary="Get the style sheet of the reference",
        description="Used by the API reference and by the explanations of errors.",
        answer=Answer(content_type="text/css; charset=utf-8"),
    ),
    routed(
        problem_page,
        tag=_TAG,
        summary="Explain an error code",
        description="The URL in the `type` of every error. HTML for browsers; JSON or plain text if `Accept` "
        "requests it.",
        answer=Answer(
            service.ExplainedError,
            ERRORS["expired_key"].explained("expired_key"),
            texts=("text/html; charset=utf-8", "text/plain; charset=utf-8"),
        ),
    ),
]
