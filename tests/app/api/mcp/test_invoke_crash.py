"""POST /v1/mcp/invoke: after a crash between the two steps, the call is reported as started."""

from concurrent.futures import ThreadPoolExecutor

import httpx2
import pytest

from tests.app.api.mcp.conftest import Upstream
from tests.app.api.mcp.mcp_caller import Calls
from tests.app.conftest import StartApi


def test_a_call_during_which_the_service_was_killed_stays_started(start_api: StartApi, upstream: Upstream) -> None:
    api = start_api()
    calls = Calls(api.organization(), upstream.url)
    with ThreadPoolExecutor(1) as threads:
        lost = threads.submit(calls.invoke, "wait", {"seconds": 30})
        while not calls.uses():
            pass
        api.server.kill()
        with pytest.raises(httpx2.TransportError):
            lost.result()
    api.server.start()
    (entry,) = calls.uses()
    assert (entry["action"], entry["status"], entry["tool"]) == ("call", "started", "wait")
    assert "latency_ms" not in entry
    assert "reason" not in entry
    assert calls.add(1) == 2
    assert [entry["status"] for entry in calls.uses()] == ["success", "started"]
