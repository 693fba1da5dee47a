"""Graceful shutdown: running calls finish, readiness fails and connections are closed."""

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from tests.app.api.mcp.conftest import Upstream
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.programs import run_program
from tests.waiting import eventually, stretched

LONG_CALL_SECONDS = 6.0
"""Longer than the usual grace period of a server."""


def _main_process(api: Api) -> None:
    os.kill(api.server.pid, signal.SIGTERM)


def _all_processes(api: Api) -> None:
    """Send the signal to each process, as systemd does to stop a service."""
    os.killpg(api.server.pid, signal.SIGTERM)


def _main_process_twice(api: Api) -> None:
    _main_process(api)
    time.sleep(1.5)
    _main_process(api)


@pytest.mark.parametrize("stop", [_main_process, _all_processes, _main_process_twice])
def test_a_running_call_finishes_while_the_service_shuts_down(
    start_api: StartApi, upstream: Upstream, stop: Callable[[Api], None]
) -> None:
    api = start_api()
    org = api.organization()
    mcp_id = org.mcp(endpoint_url=upstream.url)
    # The first call loads modules, so later calls are faster.
    assert _wait(api, org, mcp_id, 0)[0] == 200
    with closing(_connection(api)) as kept, ThreadPoolExecutor(1) as caller:
        assert _get(kept, "/health/live")[0] == 200
        called = caller.submit(_wait, api, org, mcp_id, LONG_CALL_SECONDS)
        eventually(lambda: _started_calls(api) == 2)
        stop(api)

        eventually(lambda: _is_draining(api))
        status, headers, content = _get(kept, "/health/ready")
        assert (status, headers["connection"]) == (503, "close")
        assert b"shutting down" in content
        with closing(_connection(api)) as new:
            assert _get(new, "/v1/api-keys", org.manager.secret)[:1] == (200,)
        assert not called.done(), "the call must outlast the requests above"

        status, headers = called.result()
        assert (status, headers["connection"]) == (200, "close")
    eventually(lambda: api.server.has_ended)
    assert api.server.exit_code == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", api.server.port), timeout=5)
    assert _completed_calls(api) == 2


def test_a_running_call_is_aborted_after_the_grace_period(start_api: StartApi, upstream: Upstream) -> None:
    api = start_api(KEYLEDGER_GRACE_SECONDS="1")
    org = api.organization()
    mcp_id = org.mcp(endpoint_url=upstream.url)
    with ThreadPoolExecutor(1) as caller:
        called = caller.submit(_wait, api, org, mcp_id, 60)
        eventually(lambda: _started_calls(api) == 1)
        _main_process(api)
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            called.result(timeout=stretched(20))
    eventually(lambda: api.server.has_ended)
    assert "shutdown_requests_aborted" in api.server.log.read_text()
    assert _completed_calls(api) == 0, "the call is reported as started, with an unknown outcome"


def test_a_service_without_running_calls_stops_with_open_connections(start_api: StartApi) -> None:
    api = start_api()
    with closing(_connection(api)) as idle:
        assert _get(idle, "/health/live")[0] == 200
        started = time.monotonic()
        _main_process(api)
        eventually(lambda: api.server.has_ended)
        assert time.monotonic() - started < stretched(5)


@pytest.mark.parametrize("seconds", ["0", "3601", "soon", "1.5"])
@pytest.mark.parametrize("program", [("app", "serve"), ("workers", "run")])
def test_an_invalid_grace_period_is_refused(program: tuple[str, ...], seconds: str) -> None:
    settings = {
        "DATABASE_URL": "postgresql://",
        "REDIS_URL": "redis://",
        "KEYLEDGER_MASTER_KEY": "A" * 43 + "=",
        "KEYLEDGER_GRACE_SECONDS": seconds,
    }
    done = run_program(*program, environment=settings)
    assert done.returncode in {1, 2}
    assert "KEYLEDGER_GRACE_SECONDS" in done.stderr


def _connection(api: Api) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", api.server.port, timeout=120)


def _get(
    connection: http.client.HTTPConnection, path: str, secret: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection.request("GET", path, headers={"Authorization": f"Bearer {secret}"} if secret else {})
    response = connection.getresponse()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()


def _wait(api: Api, org: Organization, mcp_id: str, seconds: float) -> tuple[int, dict[str, str]]:
    """Call a tool that takes `seconds`."""
    body = f'{{"mcp_id":"{mcp_id}","tool":"wait","arguments":{{"seconds":{seconds}}},"timeout":120000}}'
    headers = {"Authorization": f"Bearer {org.manager.secret}", "Content-Type": "application/json"}
    with closing(_connection(api)) as connection:
        connection.request("POST", "/v1/mcp/invoke", body, headers)
        response = connection.getresponse()
        response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}


def _is_draining(api: Api) -> bool:
    with closing(_connection(api)) as connection:
        return _get(connection, "/health/ready")[0] == 503


def _started_calls(api: Api) -> int:
    ((number,),) = api.database.rows("select count(*) from usage_events where action = 'call' and kind = 'used'")
    return int(number)


def _completed_calls(api: Api) -> int:
    ((number,),) = api.database.rows("select count(*) from usage_events where kind = 'completed'")
    return int(number)
