"""Requests to an upstream contain its credential and no data of other callers."""

import asyncio
import json
import logging
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote, quote_plus

import msgspec
import pytest

from gateway.errors import UpstreamError
from gateway.gateway import Gateway
from gateway.upstream import (
    ApiKey,
    Basic,
    Bearer,
    Credential,
    NoCredential,
    Query,
    Upstream,
    check_credential,
    credential_header,
)
from tests.gateway.conftest import ROOT, StartServer, recorded_headers

pytestmark = pytest.mark.anyio

TOKEN = "upstream-" + "token" * 3
PASSWORD = "pass" + "wörd" * 3
QUERY_TOKEN = "query+" + "to/k&n=" * 3
CREDENTIALS: dict[str, tuple[list[str], Credential]] = {
    "none": ([], NoCredential()),
    "bearer": (["--require-bearer", TOKEN], Bearer(TOKEN)),
    "api_key": (["--require-api-key", "X-Tool-Key", TOKEN], ApiKey("X-Tool-Key", TOKEN)),
    "basic": (["--require-basic", "anna", PASSWORD], Basic("anna", PASSWORD)),
    "query": (["--require-query", "apiKey", QUERY_TOKEN], Query("apiKey", QUERY_TOKEN)),
}


@pytest.mark.parametrize("kind", CREDENTIALS)
async def test_a_credential_is_accepted_and_nothing_else_is_sent(
    gateway: Gateway, start_server: StartServer, tmp_path: Path, kind: str
) -> None:
    arguments, credential = CREDENTIALS[kind]
    record = tmp_path / "headers.jsonl"
    server = start_server(*arguments, "--record", str(record))
    response = await gateway.call_tool(Upstream(server.url, credential), "add", {"numbers": [1, 2]}, timeout_seconds=30)
    assert response.result["structuredContent"] == {"result": 3.0}
    ours = credential_header(credential)
    requests = recorded_headers(record)
    assert len(requests) >= 2
    for headers in requests:
        sent = {name: value for name, value in headers.items() if not name.startswith("mcp-")}
        if ours is not None:
            assert sent.pop(ours[0].lower()) == ours[1]
        assert set(sent) == {
            "host",
            "accept",
            "accept-encoding",
            "connection",
            "content-type",
            "content-length",
            "user-agent",
        }
        assert sent["user-agent"].startswith("keyledger/")


@pytest.mark.parametrize("kind", ["bearer", "api_key", "basic", "query"])
async def test_a_refused_credential_is_reported(gateway: Gateway, start_server: StartServer, kind: str) -> None:
    server = start_server(*CREDENTIALS[kind][0])
    for wrong in (
        NoCredential(),
        Bearer("other-token"),
        ApiKey("X-Tool-Key", "other"),
        Basic("a", "b"),
        Query("apiKey", "b"),
    ):
        with pytest.raises(UpstreamError, match="refused the stored credential"):
            await gateway.call_tool(Upstream(server.url, wrong), "add", {"numbers": []}, timeout_seconds=30)


async def test_a_query_credential_is_appended_to_the_query_of_the_url(
    gateway: Gateway, start_server: StartServer, tmp_path: Path
) -> None:
    record = tmp_path / "headers.jsonl"
    server = start_server("--record", str(record), "--require-query", "apiKey", QUERY_TOKEN)
    upstream = Upstream(f"{server.url}?tools=a%20b&x=%2F", Query("apiKey", QUERY_TOKEN))
    assert (await gateway.probe(upstream, timeout_seconds=30)).reachable
    queries = {json.loads(line)["query"] for line in record.read_text().splitlines()}
    assert queries == {f"tools=a%20b&x=%2F&apiKey={quote(QUERY_TOKEN, safe='')}"}


@pytest.mark.parametrize("form", [QUERY_TOKEN, quote(QUERY_TOKEN, safe=""), quote_plus(QUERY_TOKEN)])
async def test_a_query_credential_is_redacted_in_every_form(
    gateway: Gateway, start_server: StartServer, form: str
) -> None:
    server = start_server("--require-query", "apiKey", QUERY_TOKEN)
    upstream = Upstream(server.url, Query("apiKey", QUERY_TOKEN))
    result = await gateway.call_tool(upstream, "fail", {"message": f"at ?apiKey={form}"}, timeout_seconds=30)
    assert form not in json.dumps(result.result)
    assert "[redacted]" in json.dumps(result.result)


async def test_credentials_of_two_upstreams_are_never_mixed(
    gateway: Gateway, start_server: StartServer, tmp_path: Path
) -> None:
    records = [tmp_path / "a", tmp_path / "b"]
    tokens = ["token-" + "a" * 10, "token-" + "b" * 10]
    servers = [start_server("--record", str(record)) for record in records]
    upstreams = [Upstream(server.url, Bearer(token)) for server, token in zip(servers, tokens, strict=True)]
    # The third upstream is the first server with another credential, over the same connections.
    upstreams.append(Upstream(servers[0].url, ApiKey("X-Api-Key", "third")))
    await asyncio.gather(
        *(gateway.call_tool(upstreams[n % 3], "add", {"numbers": [n]}, timeout_seconds=30) for n in range(30))
    )
    seen = [
        [(headers.get("authorization"), headers.get("x-api-key")) for headers in recorded_headers(record)]
        for record in records
    ]
    assert set(seen[0]) == {(f"Bearer {tokens[0]}", None), (None, "third")}
    assert set(seen[1]) == {(f"Bearer {tokens[1]}", None)}


async def test_no_log_line_contains_a_credential(
    gateway: Gateway, start_server: StartServer, caplog: pytest.LogCaptureFixture
) -> None:
    for kind, secret in (("bearer", TOKEN), ("query", QUERY_TOKEN)):
        arguments, credential = CREDENTIALS[kind]
        server = start_server(*arguments)
        with caplog.at_level(logging.DEBUG):
            upstream = Upstream(server.url, credential)
            await gateway.call_tool(upstream, "fail", {"message": secret}, timeout_seconds=30)
            server.stop()
            await gateway.probe(upstream, timeout_seconds=30)
        assert secret not in caplog.text
        assert quote(secret, safe="") not in caplog.text


def test_a_credential_is_not_printed() -> None:
    for _, credential in CREDENTIALS.values():
        shown = f"{credential!r} {credential} {Upstream('https://example.com/mcp', credential)!r}"
        assert TOKEN not in shown
        assert PASSWORD not in shown
        assert QUERY_TOKEN not in shown


def test_a_credential_is_unchanged_by_storage() -> None:
    for _, credential in CREDENTIALS.values():
        assert msgspec.json.decode(msgspec.json.encode(credential), type=Credential) == credential


@pytest.mark.parametrize(
    ("credential", "field"),
    [
        (Bearer(""), "auth_token"),
        (Bearer("a\r\nX-Other: b"), "auth_token"),
        (Bearer(" a"), "auth_token"),
        (Bearer("tökén"), "auth_token"),
        (ApiKey("Host", "a"), "auth_header"),
        (ApiKey("Mcp-Session-Id", "a"), "auth_header"),
        (ApiKey("X Key", "a"), "auth_header"),
        (ApiKey("X-Key:", "a"), "auth_header"),
        (ApiKey("X-Key", "a\n"), "auth_token"),
        (Query("", "a"), "auth_parameter"),
        (Query("a&b", "a"), "auth_parameter"),
        (Query("a=b", "a"), "auth_parameter"),
        (Query("a#", "a"), "auth_parameter"),
        (Query("a b", "a"), "auth_parameter"),
        (Query("key", ""), "auth_token"),
        (Query("key", "a\n"), "auth_token"),
        (Basic("a:b", "c"), "auth_username"),
        (Basic("a", ""), "auth_password"),
        (Basic("a", "b\n"), "auth_password"),
    ],
)
def test_a_credential_that_cannot_be_sent_is_refused_at_registration(credential: Credential, field: str) -> None:
    assert list(check_credential(credential)) == [field]


def test_a_credential_that_can_be_sent_is_accepted() -> None:
    assert not any(check_credential(credential) for _, credential in CREDENTIALS.values())


def test_the_gateway_is_imported_without_the_sdk() -> None:
    code = (
        "import sys, gateway.gateway, gateway.endpoint, gateway.errors;"
        "assert not {'mcp', 'mcp_types', 'pydantic', 'httpx2', 'httpcore2'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
