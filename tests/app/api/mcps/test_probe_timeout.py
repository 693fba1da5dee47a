"""POST /v1/mcps/{id}/test: `timeout` limits the test to between 1 and 60 seconds."""

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.health import PROBE_SECONDS
from tests.app.api.mcp.conftest import StartUpstream
from tests.app.client import Response
from tests.app.organizations import Organization
from tests.waiting import stretched
from tests.workers.receiver import Received, receiver


def probe(org: Organization, mcp_id: str, timeout: object) -> Response:
    return org.client.post(f"/v1/mcps/{mcp_id}/test", {"timeout": timeout})


@pytest.fixture(scope="module")
def frozen(start_upstream: StartUpstream) -> str:
    """The URL of a server that accepts connections and never responds."""
    upstream = start_upstream()
    upstream.freeze()
    return upstream.url


@pytest.mark.parametrize("timeout", [-1_000, 0, 0.5, 1, 60, 999, 60_001, 61_000, 2**63, 1_000.5])
def test_a_timeout_out_of_range_is_named(org: Organization, timeout: float) -> None:
    refused = probe(org, org.mcp(), timeout)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"timeout"})


@pytest.mark.parametrize("timeout", ["1000", "", "soon", None, True, [1_000], {"ms": 1_000}])
def test_a_timeout_that_is_not_a_number_is_named(org: Organization, timeout: object) -> None:
    refused = probe(org, org.mcp(), timeout)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"timeout"})


@pytest.mark.parametrize("timeout", [1_000, 60_000])
def test_the_smallest_and_largest_timeouts_are_accepted(org: Organization, timeout: int) -> None:
    found = probe(org, org.mcp(endpoint_url="http://127.0.0.1:9/mcp"), timeout).data
    assert found["code"] == "mcp_unreachable"


@pytest.mark.parametrize("timeout", [1_000, 2_500])
def test_a_server_that_does_not_respond_fails_after_the_timeout(org: Organization, frozen: str, timeout: int) -> None:
    found = probe(org, org.mcp(endpoint_url=frozen), timeout).data
    assert (found["reachable"], found["code"]) == (False, "mcp_timeout")
    # The time that the test waited in the queue of the gateway is not the server's.
    limit = re.search(r"The limit was ([\d.]+) s\.", found["problem"])
    assert limit is not None
    assert timeout / 2 < float(limit[1]) * 1_000 <= timeout
    assert found["latency_ms"] > timeout / 2


@pytest.fixture
def late() -> Iterator[tuple[str, threading.Event]]:
    """The URL of a server that fails every request after the event is set."""
    may_answer = threading.Event()

    def answer(_: Received) -> int:
        may_answer.wait(stretched(60))
        return 500

    with receiver() as server:
        server.answer = answer
        yield server.url, may_answer
        may_answer.set()


def test_a_timeout_can_be_longer_than_the_default(org: Organization, late: tuple[str, threading.Event]) -> None:
    url, may_answer = late
    mcp_id = org.mcp(endpoint_url=url)
    with ThreadPoolExecutor(1) as threads:
        running = threads.submit(probe, org, mcp_id, 60_000)
        threading.Timer(PROBE_SECONDS + 1, may_answer.set).start()
        found = running.result().data
    assert (found["reachable"], found["code"]) == (False, "mcp_error")
    assert found["latency_ms"] > PROBE_SECONDS * 1_000
