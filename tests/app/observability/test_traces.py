"""Traces as a collector receives them, and the service without a collector."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app.observability.tracing.tracing import trace_id_of
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.app.serving import ROOT
from tests.waiting import stretched

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


class Collector:
    """Receives spans over OTLP/HTTP and stores them."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                assert self.path == "/v1/traces"
                collector.received.append(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(200)
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 -- the name is the library's

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> Iterator[tuple[str, Any]]:
        """Yield each span with the name of the service that sent it."""
        for body in list(self.received):
            request: Any = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                names = {pair.key: pair.value.string_value for pair in resource.resource.attributes}
                for scope in resource.scope_spans:
                    yield from ((names["service.name"], span) for span in scope.spans)

    def wait_for(self, name: str) -> Any:  # noqa: ANN401 -- protobuf makes its types at run time
        deadline = time.monotonic() + stretched(30)
        while True:
            for _, span in self.spans():
                if span.name == name:
                    return span
            assert time.monotonic() < deadline, [span.name for _, span in self.spans()]
            time.sleep(0.1)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    running = Collector()
    thread = threading.Thread(target=running.server.serve_forever)
    thread.start()
    yield running
    running.server.shutdown()
    running.server.server_close()
    thread.join()


@pytest.fixture(scope="module")
def traced(start_api: StartApi, collector: Collector) -> Api:
    return start_api(OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="100")


def attributes(span: Any) -> dict[str, Any]:  # noqa: ANN401 -- see above
    return {pair.key: pair.value.string_value or pair.value.int_value for pair in span.attributes}


def test_a_request_is_a_span_of_the_callers_trace(traced: Api, collector: Collector) -> None:
    org = traced.organization()
    key = org.key()
    traced.client(org.manager.secret, traceparent=f"00-{TRACE}-{PARENT}-01").get(f"{key.path}/activity")
    span = collector.wait_for("GET /v1/api-keys/{key_id}/activity")
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert attributes(span) == {
        "http.request.method": "GET",
        "http.route": "/v1/api-keys/{key_id}/activity",
        "http.response.status_code": 200,
    }
    assert {service for service, _ in collector.spans()} == {"keyledger"}


def test_a_batch_is_a_root_span(traced: Api, collector: Collector) -> None:
    org = traced.organization()
    org.verify(org.manager.secret)
    span = collector.wait_for("group_commit")
    assert attributes(span)["keyledger.batch.items"] >= 1
    assert span.end_time_unix_nano > span.start_time_unix_nano
    assert span.parent_span_id == b""


def test_a_call_to_an_mcp_server_is_a_child_span_of_its_request(traced: Api, collector: Collector) -> None:
    org = traced.organization()
    mcp_id = org.mcp(endpoint_url="http://127.0.0.1:9/mcp")
    org.client.post(f"/v1/mcps/{mcp_id}/test", {})
    call = collector.wait_for("mcp probe")
    request = collector.wait_for("POST /v1/mcps/{mcp_id}/test")
    assert (call.trace_id, call.parent_span_id) == (request.trace_id, request.span_id)
    assert call.status.message == "mcp_unreachable"


def test_no_secret_is_in_any_span(traced: Api, collector: Collector) -> None:
    org = traced.organization()
    key = org.key()
    traced.client(key.secret).get(f"/v1/api-keys/{key.secret}", {"q": key.secret})
    org.client.post("/v1/api-keys/verify", {"key": key.secret})
    collector.wait_for("POST /v1/api-keys/verify")
    collector.wait_for("GET /v1/api-keys/{key_id}")
    assert key.secret.encode() not in b"".join(collector.received)


def test_the_trace_of_the_caller_is_logged_even_without_a_collector(api: Api, org: Organization) -> None:
    header = {"traceparent": f"00-{TRACE}-{PARENT}-01", "x_request_id": "traced-1"}
    api.client(org.manager.secret, **header).get("/v1/api-keys")
    deadline = time.monotonic() + stretched(10)
    while not (found := [line for line in api.server.log.read_text().splitlines() if '"traced-1"' in line]):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert json.loads(found[0])["trace_id"] == TRACE


@pytest.mark.parametrize(
    "header",
    [None, b"", b"00-xyz", f"00-{'0' * 32}-{PARENT}-01".encode(), f"00-{TRACE}-{PARENT}-01-more".encode(), b"\xff"],
)
def test_an_invalid_traceparent_is_ignored(header: bytes | None) -> None:
    assert trace_id_of(header) is None


def test_the_exporter_is_not_imported_without_an_endpoint() -> None:
    """The Redis client imports the rest of the SDK if it is installed."""
    loaded = "{'app.observability.tracing.spans', 'opentelemetry.exporter'} & {*sys.modules}"
    program = f"import sys, app.application; sys.exit(bool({loaded}))"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
