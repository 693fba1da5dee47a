"""Connections are made only to checked addresses; the tests use real sockets on loopback."""

import asyncio
import datetime as dt
import socket
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.config import GatewayConfig
from gateway.errors import EgressRefused, UpstreamUnreachable
from gateway.gateway import Gateway
from gateway.upstream import NoCredential, Upstream
from infrastructure.egress_policy import EgressPolicy
from tests.gateway.conftest import LOOPBACK

pytestmark = pytest.mark.anyio


async def _call(url: str, **config: Any) -> None:  # noqa: ANN401 - fields of GatewayConfig
    async with Gateway(GatewayConfig(**config)) as gateway:
        await gateway.list_tools(Upstream(url, NoCredential()), timeout_seconds=5)


class Listener:
    """Accept and count connections, and close each immediately."""

    def __init__(self) -> None:
        self.accepted = 0
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _accept(self, _: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        writer.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "0x7f.1", "2130706433", "127.1", "[::ffff:127.0.0.1]", "0.0.0.0"],  # noqa: S104 - connected to, not bound
)
async def test_no_connection_is_made_to_a_refused_address(scheme: str, host: str) -> None:
    async with Listener() as listener:
        with pytest.raises(EgressRefused) as caught:
            await _call(f"{scheme}://{host}:{listener.port}/mcp")
        assert listener.accepted == 0
    assert (caught.value.code, caught.value.http_status) == ("mcp_unreachable", 502)
    assert "KEYLEDGER_EGRESS_ALLOW" in str(caught.value)


async def test_a_name_is_refused_if_any_of_its_addresses_is(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, [["8.8.8.8", "127.0.0.1"]])
    async with Listener() as listener:
        with pytest.raises(EgressRefused):
            await _call(f"https://both.example:{listener.port}/mcp")
        assert listener.accepted == 0


async def test_a_name_that_resolves_differently_the_second_time_is_not_resolved_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolutions = _resolve_to(monkeypatch, [["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]])
    async with Listener() as listener:
        # 127.0.0.2 was checked. If the name were resolved again for the connection, the listener would get it.
        with pytest.raises(UpstreamUnreachable):
            await _call(f"http://rebind.example:{listener.port}/mcp", egress=EgressPolicy.parse("127.0.0.2/32"))
        assert listener.accepted == 0
    assert resolutions() == 1


async def test_the_next_address_is_tried_if_one_does_not_respond(monkeypatch: pytest.MonkeyPatch) -> None:
    _resolve_to(monkeypatch, [["127.0.0.2", "127.0.0.1"]] * 5)
    async with Listener() as listener:
        with pytest.raises(Exception, match="connection to the MCP server was lost"):
            await _call(f"http://two.example:{listener.port}/mcp", egress=LOOPBACK)
        assert listener.accepted == 2, "one connection for discovery and one for initialization"


async def test_a_name_without_an_address_is_unreachable() -> None:
    with pytest.raises(UpstreamUnreachable, match="name has no address"):
        await _call("https://does-not-exist.invalid/mcp")
    with pytest.raises(UpstreamUnreachable, match="name has no address"):
        await _call("https://" + "a" * 64 + ".example/mcp")


async def test_a_slow_name_server_ends_with_the_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    released = asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(*_: object, **__: object) -> list[Any]:
        asyncio.run_coroutine_threadsafe(released.wait(), loop).result()
        return []

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    async with Gateway(GatewayConfig()) as gateway:
        probe = await gateway.probe(Upstream("https://slow.example/", NoCredential()), timeout_seconds=0.2)
    assert (probe.reachable, probe.code) == (False, "mcp_timeout")
    released.set()


async def test_tls_checks_the_certificate_against_the_name(tmp_path: Path) -> None:
    certificate = _certificate(tmp_path / "certificate.pem", "localhost")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    received: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received.append(await reader.read(10))
        writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    try:
        with pytest.raises(UpstreamUnreachable, match="certificate is not valid"):
            await _call(f"https://localhost:{port}/mcp", egress=LOOPBACK)
        with pytest.raises(UpstreamUnreachable, match="certificate is not valid"):
            await _call(f"https://127.0.0.1:{port}/mcp", egress=LOOPBACK, ca_file=str(certificate))
        assert received == []
        with pytest.raises(Exception, match="HTTP 503"):
            await _call(f"https://localhost:{port}/mcp", egress=LOOPBACK, ca_file=str(certificate))
        assert received
    finally:
        server.close()
        await server.wait_closed()


async def test_https_is_not_used_with_a_server_without_tls() -> None:
    async with Listener() as listener:
        with pytest.raises(UpstreamUnreachable):
            await _call(f"https://127.0.0.1:{listener.port}/mcp", egress=LOOPBACK)


def _resolve_to(monkeypatch: pytest.MonkeyPatch, answers: list[list[str]]) -> Callable[[], int]:
    """Replace the system's resolver for `.example` names with these answers in order, and return a counter of queries.

    A name server is the only part that cannot run on loopback.
    """
    real = socket.getaddrinfo
    queried: list[str] = []

    def resolve(host: Any, port: Any, *rest: Any, **options: Any) -> Any:  # noqa: ANN401 - the signature is the system's
        if not str(host).endswith(".example"):
            return real(host, port, *rest, **options)
        queried.append(str(host))
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in answers[len(queried) - 1]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return lambda: len(queried)


def _certificate(path: Path, name: str) -> Path:
    """Write a self-signed certificate for `name`, and its key, to `path`."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(hours=1))
        .not_valid_after(now + dt.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path
