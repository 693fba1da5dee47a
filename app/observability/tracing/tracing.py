"""Tracing for installations with a collector. Without an endpoint, no exporter is imported.

The standard variables define the destination and the sampling: OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME,
OTEL_TRACES_SAMPLER and the rest of https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables.
"""

import importlib
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from litestar.types import ASGIApp

from eventstore.group_commit import BatchObserver
from gateway.config import GatewayConfig
from gateway.gateway import Gateway

_TRACEPARENT = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}\Z")
_NO_TRACE = "0" * 32


class TracesNotInstalled(ValueError):
    """An endpoint for traces is set, and OpenTelemetry is not installed: uv sync --group otel"""

    def __init__(self) -> None:
        super().__init__((self.__doc__ or "").partition("\n")[0])


class CompletedRequest(Protocol):
    """The content of the span of a request. `seconds`: its duration until now."""

    method: str
    path: str
    status: int
    seconds: float

    @property
    def headers(self) -> Mapping[bytes, bytes]: ...


class Tracing(Protocol):
    """Tracing of requests, batches and calls to MCP servers."""

    def requests(self, inner: ASGIApp, direct: frozenset[str]) -> ASGIApp:
        """Return `inner` with a span for every request. `direct`: paths that are their own route."""
        ...

    def completed(self, request: CompletedRequest) -> None:
        """Add the span of a request that bypassed ASGI. Called when it is complete."""
        ...

    def batches(self, watch: BatchObserver) -> BatchObserver:
        """Return `watch` with a span for every batch."""
        ...

    def gateway(self, config: GatewayConfig) -> Gateway:
        """Return a gateway with a span for every call."""
        ...

    def close(self) -> None:
        """Send the remaining spans."""
        ...


class NoTracing:
    """Leaves everything untraced."""

    def requests(self, inner: ASGIApp, direct: frozenset[str]) -> ASGIApp:  # noqa: ARG002
        return inner

    def completed(self, request: CompletedRequest) -> None: ...

    def batches(self, watch: BatchObserver) -> BatchObserver:
        return watch

    def gateway(self, config: GatewayConfig) -> Gateway:
        return Gateway(config)

    def close(self) -> None: ...


def tracing(*, wanted: bool) -> Tracing:
    """Return the tracing. Raise `TracesNotInstalled` if it is wanted but not installed."""
    if not wanted:
        return NoTracing()
    try:
        return importlib.import_module("app.observability.tracing.spans").Spans()
    except ImportError as error:
        raise TracesNotInstalled from error


@asynccontextmanager
async def closing(traces: Tracing) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        traces.close()


def trace_id_of(traceparent: bytes | None) -> str | None:
    """Return the caller's trace id if the header is valid (W3C Trace Context §3.2)."""
    found = _TRACEPARENT.match(traceparent) if traceparent is not None else None
    if found is None or found[1] == _NO_TRACE.encode():
        return None
    return found[1].decode()
