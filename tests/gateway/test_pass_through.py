"""Results of tools are passed through as the server sent them, and errors with the server's message."""

import json
from typing import Any

import pytest

from gateway.config import GatewayConfig
from gateway.errors import HeadersMissing, UpstreamError
from gateway.gateway import Gateway
from gateway.results import ToolResult
from gateway.upstream import Bearer, Credential, NoCredential, Upstream
from tests.gateway.conftest import LOOPBACK
from tests.gateway.raw_server import http, raw_server
from tests.gateway.recording import Recording, Write, raw_result, responds_with, responds_with_error

pytestmark = pytest.mark.anyio

TOKEN = "tok" + "en-" * 5

RESULTS = [
    b'{"content":[{"type":"blob","blob":"AAEC","mimeType":"image/x"}]}',
    b'{"content":[{"type":"json","json":{"a":[1,2]}}]}',
    b'{"content":[{"type":"resource_link","uri":"file:///a","name":"a","size":12345678901234567890}]}',
    b'{"content":[{"type":"resource","resource":{"uri":"x:y","blob":"AA=="},"annotations":{"priority":0.1}}]}',
    b'{"content":[{"type":"hologram","of":"later"}],"later":{"field":[null,true]}}',
    b'{"structuredContent":{"only":"this"}}',
    b'{"structuredContent":[1,2,3],"content":[]}',
    b'{"content":[],"_meta":{"vendor/x":{"cost":0.30000000000000004}},"isError":false}',
    b'{"content":[],"structuredContent":{"big":123456789012345678901234567890,"neg":-9223372036854775809}}',
    b'{"content":[],"structuredContent":{"f":[1.0,1E400,3.141592653589793238462643383279,-0.0,1e-7,5e-324]}}',
    b'{ "content" : [ ],\n  "structuredContent": {"z":1,"a":"\\u00e9\\ud83d\\ude00\xc3\xa9"} }',
    b"{}",
    b'{"content":"text"}',
    b'{"content":[],"isError":"later this means something"}',
    b'{"task":{"taskId":"t1","status":"working"},"resultType":"task"}',
]


async def _call(
    on_call: Write,
    credential: Credential | None = None,
    *,
    modern: bool = True,
    arguments: dict[str, Any] | None = None,
) -> tuple[ToolResult, Recording]:
    recording = Recording(on_call, modern=modern)
    async with raw_server(recording.respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        upstream = Upstream(url, credential or NoCredential())
        return await gateway.call_tool(upstream, "t", arguments or {}, timeout_seconds=10), recording


@pytest.mark.parametrize("modern", [True, False], ids=["2026", "older"])
@pytest.mark.parametrize("sent", RESULTS)
async def test_a_result_is_passed_through_unchanged(sent: bytes, modern: bool) -> None:  # noqa: FBT001
    result, _ = await _call(raw_result(sent), modern=modern)
    assert result.encoded == sent


@pytest.mark.parametrize("sent", RESULTS)
async def test_a_result_without_the_secret_is_unchanged_although_it_is_searched(sent: bytes) -> None:
    result, _ = await _call(raw_result(sent), Bearer(TOKEN))
    assert result.encoded == sent


async def test_protocol_fields_are_removed_from_a_result() -> None:
    result, _ = await _call(raw_result(b'{"content":[],"resultType":"complete","n":1.50}'))
    assert result.encoded == b'{"content":[],"n":1.50}'


async def test_a_failed_result_is_passed_through_unchanged() -> None:
    for why in (b"1.0", b"1E400", b"[" * 300 + b"]" * 300):
        sent = b'{"content":[{"type":"json","json":{"why":%s}},5,{"text":7}],"isError":true,"_meta":{"a":1}}' % why
        result, _ = await _call(raw_result(sent))
        assert result.is_error
        assert result.encoded == sent


async def test_values_that_json_lacks_become_null() -> None:
    result, _ = await _call(raw_result(b'{"content":[],"structuredContent":{"n":NaN,"i":-Infinity,"f":1.5}}'))
    assert result.result == {"content": [], "structuredContent": {"n": None, "i": None, "f": 1.5}}


async def test_a_lone_surrogate_is_replaced() -> None:
    result, _ = await _call(raw_result(b'{"content":[{"type":"text","text":"\\ud83d"}]}'))
    assert json.loads(result.encoded)["content"][0]["text"] == "\ufffd"


@pytest.mark.parametrize("spelled", [TOKEN, "".join(f"\\u{ord(c):04x}" for c in TOKEN)], ids=["plain", "escaped"])
async def test_a_secret_is_redacted_and_numbers_are_unchanged(spelled: str) -> None:
    sent = b'{"content":[{"type":"blob","blob":"%s"}],"n":[1.50,123456789012345678901234567890,1E400],"%s":true}'
    result, _ = await _call(raw_result(sent % (spelled.encode(), spelled.encode())), Bearer(TOKEN))
    assert result.encoded == (
        b'{"content":[{"type":"blob","blob":"[redacted]"}],'
        b'"n":[1.50,123456789012345678901234567890,1E400],"[redacted]":true}'
    )


@pytest.mark.parametrize("modern", [True, False], ids=["2026", "older"])
@pytest.mark.parametrize("status", [200, 400, 404, 500])
@pytest.mark.parametrize("code", [-32000, -32001, -32002, -32042, -32603, -32700, 0, 4711])
async def test_an_error_contains_the_message_of_the_server(code: int, status: int, modern: bool) -> None:  # noqa: FBT001
    with pytest.raises(UpstreamError) as caught:
        await _call(responds_with_error(code, f"The disk is full, {TOKEN}", status), Bearer(TOKEN), modern=modern)
    assert caught.value.detail == f"It said: The disk is full, [redacted] (JSON-RPC {code})"
    assert "broke" not in str(caught.value)


@pytest.mark.parametrize("status", [200, 400, 429, 500])
async def test_an_error_in_a_stream_contains_the_message_of_the_server(status: int) -> None:
    def stream(body: bytes) -> bytes:
        error = {"jsonrpc": "2.0", "id": json.loads(body)["id"], "error": {"code": -32000, "message": "Out of paper"}}
        return http(status, f"event: message\ndata: {json.dumps(error)}\n\n".encode(), "text/event-stream")

    with pytest.raises(UpstreamError, match=r"Out of paper \(JSON-RPC -32000\)"):
        await _call(responds_with(stream))


@pytest.mark.parametrize("content", [b"", b"data: not json\n\n", b'data: {"jsonrpc":"2.0","id":2,"result":{}}\n\n'])
async def test_a_stream_without_an_error_does_not_replace_the_http_error(content: bytes) -> None:
    with pytest.raises(UpstreamError):
        await _call(responds_with(lambda _: http(500, content, "text/event-stream")))


@pytest.mark.parametrize(
    "error",
    [
        b'"gone"',
        b'{"message":"gone"}',
        b'{"code":"E1","message":"gone"}',
        b'{"code":1.5,"message":"gone","data":{"x":1}}',
    ],
)
async def test_an_error_of_another_form_is_reported(error: bytes) -> None:
    answered = b'{"jsonrpc":"2.0","id":null,"error":%s}' % error
    with pytest.raises(UpstreamError, match="gone"):
        await _call(responds_with(lambda _: http(200, answered)))


@pytest.mark.parametrize(
    ("content_type", "body", "message"),
    [
        ("text/plain", b"The database is down", "The database is down"),
        ("application/json", b'{"detail":"no such workspace"}', "no such workspace"),
        ("text/html", b"<html>secret page</html>", "HTTP 500"),
    ],
)
async def test_an_http_error_contains_the_text_of_its_body(content_type: str, body: bytes, message: str) -> None:
    with pytest.raises(UpstreamError, match=message) as caught:
        await _call(responds_with(lambda _: http(500, body, content_type)))
    assert "HTTP 500" in str(caught.value)
    assert "<html>" not in str(caught.value)


async def test_a_long_message_is_truncated() -> None:
    with pytest.raises(UpstreamError) as caught:
        await _call(responds_with_error(-32000, "it\nbroke " + "x" * 50_000))
    assert len(str(caught.value)) < 700


async def test_arguments_are_passed_through_unchanged() -> None:
    arguments = {"big": 123456789012345678901234567890, "f": 1.0, "s": "é\0\u2028", "n": None}
    _, recording = await _call(raw_result(b"{}"), arguments=arguments)
    assert json.loads(recording.bodies[-1])["params"]["arguments"] == arguments
    assert b"123456789012345678901234567890" in recording.bodies[-1]


async def test_arguments_are_copied_to_the_headers_of_the_stored_tool() -> None:
    recording = Recording(raw_result(b"{}"))
    async with raw_server(recording.respond) as url, Gateway(GatewayConfig(egress=LOOPBACK)) as gateway:
        await gateway.call_tool(
            Upstream(url, NoCredential()),
            "t",
            {"region": "eu", "deep": {"flag": True}, "name": "Ünï", "absent": None},
            timeout_seconds=10,
            wanted_headers={
                "Mcp-Param-Region": ("region",),
                "Mcp-Param-Flag": ("deep", "flag"),
                "Mcp-Param-Name": ("name",),
                "Mcp-Param-Absent": ("absent",),
            },
        )
    sent = recording.headers[-1]
    assert (sent["mcp-param-region"], sent["mcp-param-flag"]) == ("eu", "true")
    assert sent["mcp-param-name"] == "=?base64?w5xuw68=?="
    assert "mcp-param-absent" not in sent


async def test_missing_headers_raise_a_specific_error() -> None:
    with pytest.raises(HeadersMissing, match="JSON-RPC -32020"):
        await _call(responds_with_error(-32020, "Mcp-Param-Region is missing", 400))
