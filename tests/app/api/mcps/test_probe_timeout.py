"""POST /v1/mcps/{id}/test: `timeout` says how long the server has, from 1 to 60 seconds."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.health import PROBE_SECONDS
from tests.app.api.mcp.conftest import StartUpstream
from tests.app.client import Answer
from tests.app.organizations import Organization
from tests.waiting import stretched
from tests.workers.receiver import Received, receiver


def probe(org: Organization, mcp_id: str, timeout: object) -> Answer:
    return org.client.post(f"/v1/mcps/{mcp_id}/test", {"timeout": timeout})


@pytest.fixture(scope="module")
def frozen(start_upstream: StartUpstream) -> str:
    """A server that accepts connections and never answers."""
    upstream = start_upstream()
    upstream.freeze()
    return upstream.url


@pytest.mark.parametrize("timeout", [-1_000, 0, 0.5, 1, 60, 999, 60_001, 61_000, 2**63, 1_000.5])
def test_a_number_beyond_its_bounds_is_refused_by_name(org: Organization, timeout: float) -> None:
    refused = probe(org, org.mcp(), timeout)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"timeout"})


@pytest.mark.parametrize("timeout", ["1000", "", "soon", None, True, [1_000], {"ms": 1_000}])
def test_what_is_no_number_is_refused_by_name(org: Organization, timeout: object) -> None:
    refused = probe(org, org.mcp(), timeout)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"timeout"})


@pytest.mark.parametrize("timeout", [1_000, 60_000])
def test_the_bounds_themselves_are_taken(org: Organization, timeout: int) -> None:
    found = probe(org, org.mcp(endpoint_url="http://127.0.0.1:9/mcp"), timeout).data
    assert found["code"] == "mcp_unreachable"


@pytest.mark.parametrize("timeout", [1_000, 2_500])
def test_a_server_that_does_not_answer_has_as_long_as_is_said(org: Organization, frozen: str, timeout: int) -> None:
    found = probe(org, org.mcp(endpoint_url=frozen), timeout).data
    assert (found["reachable"], found["code"]) == (False, "mcp_timeout")
    assert f"The limit was {timeout / 1_000:g} s." in found["problem"]
    assert found["latency_ms"] >= timeout


@pytest.fixture
def late() -> Iterator[tuple[str, threading.Event]]:
    """A server whose every answer, a failure, comes when it may."""
    may_answer = threading.Event()

    def answer(_: Received) -> int:
        may_answer.wait(stretched(60))
        return 500

    with receiver() as server:
        server.answer = answer
        yield server.url, may_answer
        may_answer.set()


def test_a_server_may_have_longer_than_is_usual(org: Organization, late: tuple[str, threading.Event]) -> None:
    url, may_answer = late
    mcp_id = org.mcp(endpoint_url=url)
    with ThreadPoolExecutor(1) as threads:
        waits = threads.submit(probe, org, mcp_id, 60_000)
        threading.Timer(PROBE_SECONDS + 1, may_answer.set).start()
        found = waits.result().data
    assert (found["reachable"], found["code"]) == (False, "mcp_error")
    assert found["latency_ms"] > PROBE_SECONDS * 1_000
