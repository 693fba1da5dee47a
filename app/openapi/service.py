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
        summary="Say that the process runs",
        description="Touches nothing else: a process that answers this is not to be restarted.",
        answer=Answer(service.Live, {"status": "live"}),
    ),
    routed(
        health.ready,
        tag=_TAG,
        summary="Say whether the process can do its work",
        description="For load balancers. Requests are answered also without Redis, workers or scheduler: that is "
        "`degraded`, with status 200. `checks` says what is missing and what to do.",
        answer=_READY,
        also={
            503: (
                "No request can be answered: no database or schema, no verification, or the process shuts down.",
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
        summary="Get the figures for Prometheus",
        description="For whoever asks directly from this machine or a private network or, where the operator has set a "
        "token, for whoever sends that as a bearer token.",
        answer=Answer(content_type="text/plain; version=0.0.4; charset=utf-8"),
        errors=("forbidden",),
    ),
    routed(
        openapi_document,
        tag=_TAG,
        summary="Get this document",
        description="OpenAPI 3.1.",
        answer=Answer(data=service.OpenApi, whole=True, example={"openapi": "3.1.0"}),
    ),
    routed(
        reference,
        tag=_TAG,
        summary="Read this document",
        description="A page for people. It runs no script and loads nothing from elsewhere.",
        answer=Answer(content_type="text/html; charset=utf-8"),
    ),
    routed(
        reference_style,
        tag=_TAG,
        summary="Get the style sheet of the pages",
        description="Of the reference and of the explanations of errors.",
        answer=Answer(content_type="text/css; charset=utf-8"),
    ),
    routed(
        problem_page,
        tag=_TAG,
        summary="Explain an error code",
        description="The address in the `type` of every error. HTML for browsers, JSON or plain text where `Accept` "
        "asks for it.",
        answer=Answer(
            service.ExplainedError,
            ERRORS["expired_key"].explained("expired_key"),
            texts=("text/html; charset=utf-8", "text/plain; charset=utf-8"),
        ),
    ),
]
