"""A server that refuses for now and says until when: the caller is told, and the server is left alone until then."""

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
from tests.gateway.recording import DISCOVERED, Recording, says

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
async def test_a_refused_call_says_when_to_retry(
    gateway: Gateway,
    headers: dict[str, str],
    seconds: int | None,
    status: int,
    modern: bool,  # noqa: FBT001
) -> None:
    recording = Recording(says(lambda _: http(status, b"{}", **headers)), modern=modern)
    failed = await _failed_call(gateway, recording.respond)
    assert (type(failed), failed.code, failed.http_status) == (UpstreamError, "mcp_error", 502)
    assert failed.retry_after_seconds == seconds
    assert (f"Retry in {seconds} s." in str(failed)) == (seconds is not None)
    assert recording.calls == 1


@pytest.mark.parametrize("status", [429, 503])
async def test_a_refusal_in_words_of_the_protocol_says_when_to_retry(gateway: Gateway, status: int) -> None:
    recording = Recording(says(lambda body: http(status, refusal(body, -32000, "too many"), Retry_After="12")))
    failed = await _failed_call(gateway, recording.respond)
    assert failed.retry_after_seconds == 12
    assert "too many" in str(failed)


@pytest.mark.parametrize("status", [200, 400, 401, 404, 500, 502])
async def test_other_answers_do_not_ask_for_a_pause(gateway: Gateway, status: int) -> None:
    recording = Recording(says(lambda body: http(status, refusal(body, -32000, "no"), Retry_After="12")))
    failed = await _failed_call(gateway, recording.respond)
    assert failed.retry_after_seconds is None


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("words", [True, False], ids=["error", "empty"])
async def test_a_server_that_refuses_the_first_question_is_asked_nothing_more(
    gateway: Gateway,
    status: int,
    words: bool,  # noqa: FBT001
) -> None:
    asked: list[str] = []

    async def respond(method: str, _: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(method)
        writer.write(http(status, refusal(body, -32000, "no") if words else b"", Retry_After="5"))

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
    assert asked == ["POST"] * 3


async def test_an_older_server_that_refuses_the_handshake_is_not_asked_in_another_way(gateway: Gateway) -> None:
    asked: list[bytes] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(body)
        if len(asked) == 1:
            writer.close()
        else:
            writer.write(http(503, Retry_After="5"))

    failed = await _failed_call(gateway, respond)
    assert (failed.retry_after_seconds, len(asked)) == (5, 2)


async def test_a_refusal_whose_body_does_not_arrive_is_one_too(gateway: Gateway) -> None:
    asked: list[bytes] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(body)
        writer.write(http(503, Retry_After="5", Content_Length="10"))

    failed = await _failed_call(gateway, respond)
    assert (type(failed), failed.retry_after_seconds, len(asked)) == (UpstreamError, 5, 1)


@pytest.mark.parametrize("refused", ["tools/list", "resources/list"])
async def test_a_server_that_refuses_a_list_for_now_is_reachable_and_asked_for_no_other(
    gateway: Gateway, refused: str
) -> None:
    discovered: dict[str, Any] = DISCOVERED | {"capabilities": {"tools": {}, "resources": {}}}
    results: dict[str, dict[str, Any]] = {
        "server/discover": discovered,
        "tools/list": {"tools": []},
        "resources/list": {"resources": []},
    }
    asked: list[str] = []

    async def respond(_: str, __: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        asked.append(json.loads(body)["method"])
        if asked[-1] == refused:
            writer.write(http(429, Retry_After="5"))
        else:
            writer.write(http(200, answer(body, results[asked[-1]])))

    async with raw_server(respond) as url:
        found = await gateway.probe(Upstream(url, NoCredential()), timeout_seconds=5)
    assert (found.reachable, found.code, found.resources_count, found.retry_after_seconds) == (True, None, None, 5)
    assert (found.tools_count is None) == (refused == "tools/list")
    assert "cannot be listed. It is asked too often (HTTP 429). Retry in 5 s." in (found.problem or "")
    assert asked[-1] == refused


async def test_a_list_that_is_too_long_is_told_in_words(gateway: Gateway) -> None:
    recording = Recording(says(lambda _: b""), tools=[{"name": "n" * GatewayConfig().response_bytes_max}])
    async with raw_server(recording.respond) as url:
        found = await gateway.probe(Upstream(url, NoCredential()), timeout_seconds=5)
    assert found.problem == f"Its tools cannot be listed. {ResponseTooLarge()}"
