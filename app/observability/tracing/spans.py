"""OpenTelemetry spans. Importing this module imports the SDK; only `tracing.py` does so, if tracing is enabled.

No span contains a query, a body, a header, an argument or a result. Route names are templates.
"""

from collections.abc import Mapping, Sequence
from time import time_ns
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.observability.tracing.tracing import CompletedRequest
from domain.usage.events import UsageEvent
from eventstore.group_commit import BatchObserver
from gateway.config import GatewayConfig
from gateway.errors import GatewayError
from gateway.gateway import Gateway
from gateway.results import Probe, ToolResult
from gateway.results import Resource as McpResource
from gateway.upstream import Upstream

_NAME = "keyledger"
_FAILED = 500
_CARRIED = ("traceparent", "tracestate")
_PROPAGATOR = TraceContextTextMapPropagator()


class Spans:
    """`Tracing` configured by the environment variables that the OpenTelemetry SDK reads itself."""

    def __init__(self) -> None:
        # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES take precedence.
        resource = Resource({SERVICE_NAME: _NAME}).merge(_environment_resource())
        self._provider = TracerProvider(resource=resource)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(_NAME)

    def requests(self, inner: ASGIApp, direct: frozenset[str]) -> ASGIApp:
        return _TracedRequests(inner, direct, self._tracer)

    def completed(self, request: CompletedRequest) -> None:
        end = time_ns()
        span = self._tracer.start_span(
            f"{request.method} {request.path}",
            _parent({name: request.headers.get(name.encode(), b"").decode("latin-1") for name in _CARRIED}),
            SpanKind.SERVER,
            {
                "http.request.method": request.method,
                "http.route": request.path,
                "http.response.status_code": request.status,
            },
            start_time=end - int(request.seconds * 1_000_000_000),
        )
        if request.status >= _FAILED:
            span.set_status(StatusCode.ERROR)
        span.end(end)

    def batches(self, watch: BatchObserver) -> BatchObserver:
        return _TracedBatches(watch, self._tracer)

    def gateway(self, config: GatewayConfig) -> Gateway:
        return _TracedGateway(config, self._tracer)

    def close(self) -> None:
        self._provider.shutdown()


def _environment_resource() -> Resource:
    found = Resource.create()
    attributes = dict(found.attributes)
    if str(attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        del attributes[SERVICE_NAME]
    return Resource(attributes)


def _parent(headers: Mapping[str, str]) -> Context:
    """Return the context with the caller's span, if the headers name one."""
    return _PROPAGATOR.extract({name: headers[name] for name in _CARRIED if headers.get(name)})


class _TracedRequests:
    """Traces requests. The span is a child of the caller's span, if the caller sends one (W3C Trace Context)."""

    def __init__(self, inner: ASGIApp, direct: frozenset[str], tracer: Tracer) -> None:
        self._inner = inner
        self._direct = direct
        self._tracer = tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        given: Any = scope
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in given["headers"]}
        context = _parent(headers)
        with self._tracer.start_as_current_span(
            given["method"], context, SpanKind.SERVER, record_exception=False
        ) as span:

            async def noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.set_attribute("http.response.status_code", message["status"])
                    if message["status"] >= _FAILED:
                        span.set_status(StatusCode.ERROR)
                await send(message)

            try:
                await self._inner(scope, receive, noting)
            finally:
                path = given["path"]
                route = path if path in self._direct else given.get("path_template") or "none"
                span.update_name(f"{given['method']} {route}")
                span.set_attributes({"http.request.method": given["method"], "http.route": route})


class _TracedBatches:
    """Traces batches. A batch has its own span without a parent, because its requests have nothing else in common."""

    def __init__(self, watch: BatchObserver, tracer: Tracer) -> None:
        self._watch = watch
        self._tracer = tracer

    def recorded(self, events: Sequence[UsageEvent]) -> None:
        self._watch.recorded(events)

    def completed(self, items: int, waited_seconds: float, seconds: float) -> None:
        self._watch.completed(items, waited_seconds, seconds)
        end = time_ns()
        attributes = {"keyledger.batch.items": items, "keyledger.batch.waited_seconds": waited_seconds}
        started = end - int(seconds * 1_000_000_000)
        self._tracer.start_span("group_commit", attributes=attributes, start_time=started).end(end)


class _TracedGateway(Gateway):
    """Traces calls. The span of a call is a child of its request's span. The MCP server gets no trace headers."""

    def __init__(self, config: GatewayConfig, tracer: Tracer) -> None:
        super().__init__(config)
        self._tracer = tracer

    async def call_tool(
        self,
        upstream: Upstream,
        tool: str,
        arguments: dict[str, Any],
        *,
        timeout_seconds: float,
        **stored: Any,  # noqa: ANN401 -- passed on unchanged
    ) -> ToolResult:
        with self._tracer.start_as_current_span(
            "mcp tools/call", kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                return await super().call_tool(upstream, tool, arguments, timeout_seconds=timeout_seconds, **stored)
            except GatewayError as error:
                span.set_status(StatusCode.ERROR, error.code)
                raise

    async def read_resource(self, upstream: Upstream, uri: str, *, timeout_seconds: float) -> McpResource:
        with self._tracer.start_as_current_span(
            "mcp resources/read", kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                return await super().read_resource(upstream, uri, timeout_seconds=timeout_seconds)
            except GatewayError as error:
                span.set_status(StatusCode.ERROR, error.code)
                raise

    async def probe(self, upstream: Upstream, *, timeout_seconds: float) -> Probe:
        with self._tracer.start_as_current_span("mcp probe", kind=SpanKind.CLIENT) as span:
            found = await super().probe(upstream, timeout_seconds=timeout_seconds)
            if not found.reachable:
                span.set_status(StatusCode.ERROR, found.code)
            return found
