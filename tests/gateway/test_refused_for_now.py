"""A server that refuses temporarily: the caller gets its Retry-After, and no further request is sent before."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from gateway.config import GatewayConfig
from gateway.errors import GatewayError, ResponseTooLarge, UpstreamError
from gateway.gateway import Gateway
from gateway.retry_after import RETRY_AFTER_SECONDS_MAX
from gateway.upstream import NoCredential, Upstream
from tests.gateway.raw_server import Respond, answer, http, raw_server, refusal
from tests.gateway.recording import DISCOVERED, Recording, responds_with

pytestmark = pytest.mark.anyio

NOON = "Fri, 06 Nov 2026 12:00:00 GMT"


async def _failed_call(gateway: Gateway, respond: Respond) -> GatewayError:
    async with raw_server(respond) as url:
        with pytest.raises(GatewayError) as failed:
            await gateway.call_tool(Upstream(url, NoCredential()), "t", {}, timeout_seconds=5)
    return failed.value


def _tomorrow() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)


@pytest.mark.parametrize("modern", [True, False], ids=["2026", "older"])
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "30"}, 30),
        ({"retry-after": " 7 "}, 7),
        ({"Retry-After": "Fri, 06 Nov 2026 12:01:30 GMT", "Date": NOON}, 90),
        ({"Retry-After": "0"}, 1),
        ({"Retry-After": "Fri, 06 Nov 2026 11:00:00 GMT", "Date": NOON}, 1),
        ({"Retry-After": "9" * 300}, RETRY_AFTER_SECONDS_MAX),
        ({"Retry-After": _tomorrow()}, RETRY_AFTER_SECONDS_MAX),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
    ],
)
async def test_a_refused_call_contains_the_retry_delay(
    gateway: Gateway,
    headers: dict[str, str],
    seconds: int | None,
    status: int,
    modern: bool,  # noqa: FBT001
) -> None:
    recording = Recording(responds_with(lambda _: http(status, b"{}", **headers)), modern=modern)
    failed = await _failed_call(gateway, recording.respond)
    assert (type(failed), failed.code, failed.http_status) == (UpstreamError, "mcp_error", 502)
    assert failed.retry_after_seconds == seconds
    assert (f"Retry in {seconds} s." in str(failed)) == (seconds is not None)
    assert recording.calls == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_protocol_error_contains_the_retry_delay(gateway: Gateway, status: int) -> None:
    recording = Recording(responds_with(lambda body: http(status, refusal(body, -32000, "too many"), Retry_After="12")))
    failed = await _failed_call(gateway, recording.respond)
    assert failed.retry_after_seconds == 12
    assert "too many" in str(failed)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 502])
async def test_other_responses_contain_no_retry_delay(gateway: Gateway, status: int) -> None:
    recording = Recording(responds_with(lambda body: http(status, refusal(body, -32000, "no"), Retry_After="12")))
    failed = await _failed_call(gateway, recording.respond)
    assert failed.retry_after_seconds is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("with_error", [True, False], ids=["error", "empty"])
async def test_a_server_that_refuses_the_first_request_gets_no_further_one(
    gateway: Gateway,
    status: int,
    with_error: bool,  # noqa: FBT001
) -> None:
    requests: list[str] = []

    async def respond(method: str, _: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(method)
        writer.write(http(status, refusal(body, -32000, "no") if with_error else b"", Retry_After="5"))

    async with raw_server(respond) as url:
        upstream = Upstream(url, NoCredential())
        with pytest.raises(UpstreamError) as failed:
            await gateway.call_tool(upstream, "t", {}, timeout_seconds=5)
        assert failed.value.retry_after_seconds == 5
        with pytest.raises(UpstreamError):
            await gateway.read_resource(upstream, "file:///a", timeout_seconds=5)
        found = await gateway.probe(upstream, timeout_seconds=5)
    assert (found.reachable, found.code, found.retry_after_seconds) == (False, "mcp_error", 5)
    assert "Retry in 5 s." in (found.problem or "")
    assert requests == ["POST"] * 3


async def test_an_older_server_that_refuses_the_handshake_is_not_tried_in_another_way(gateway: Gateway) -> None:
    requests: list[bytes] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(body)
        if len(requests) == 1:
            writer.close()
        else:
            writer.write(http(503, Retry_After="5"))

    failed = await _failed_call(gateway, respond)
    assert (failed.retry_after_seconds, len(requests)) == (5, 2)


async def test_a_refusal_with_an_incomplete_body_counts(gateway: Gateway) -> None:
    requests: list[bytes] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(body)
        writer.write(http(503, Retry_After="5", Content_Length="10"))

    failed = await _failed_call(gateway, respond)
    assert (type(failed), failed.retry_after_seconds, len(requests)) == (UpstreamError, 5, 1)


@pytest.mark.parametrize("refused", ["tools/list", "resources/list"])
async def test_a_server_that_refuses_a_list_is_reachable_and_gets_no_further_request(
    gateway: Gateway, refused: str
) -> None:
    discovered: dict[str, Any] = DISCOVERED | {"capabilities": {"tools": {}, "resources": {}}}
    results: dict[str, dict[str, Any]] = {
        "server/discover": discovered,
        "tools/list": {"tools": []},
        "resources/list": {"resources": []},
    }
    requests: list[str] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        requests.append(json.loads(body)["method"])
        if requests[-1] == refused:
            writer.write(http(429, Retry_After="5"))
        else:
            writer.write(http(200, answer(body, results[requests[-1]])))

    async with raw_server(respond) as url:
        found = await gateway.probe(Upstream(url, NoCredential()), timeout_seconds=5)
    assert (found.reachable, found.code, found.resources_count, found.retry_after_seconds) == (True, None, None, 5)
    assert (found.tools_count is None) == (refused == "tools/list")
    assert "cannot be listed. It received too many requests (HTTP 429). Retry in 5 s." in (found.problem or "")
    assert requests[-1] == refused


async def test_a_list_that_is_too_long_is_explained(gateway: Gateway) -> None:
    recording = Recording(responds_with(lambda _: b""), tools=[{"name": "n" * GatewayConfig().response_bytes_max}])
    async with raw_server(recording.respond) as url:
        found = await gateway.probe(Upstream(url, NoCredential()), timeout_seconds=5)
    assert found.problem == f"Its tools cannot be listed. {ResponseTooLarge()}"
