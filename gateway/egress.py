"""Outbound connections, each to an address that has been checked.

This module resolves a name, checks every address of the name, and opens the socket to one of these addresses, not to
the name. A name server that answers differently the second time (DNS rebinding) therefore gains nothing. TLS still
checks the certificate against the name, because httpcore passes the name to `start_tls`.
"""

import socket
import ssl
from collections.abc import Iterable
from ipaddress import ip_address
from typing import cast

import anyio
import anyio.to_thread
import httpcore2
import httpx2

from gateway.addresses import Address, refusal_reason
from gateway.config import GatewayConfig
from gateway.errors import EgressRefused, UpstreamUnreachable

_CONNECTIONS_PER_CALL = 2
"""One for the call, and another to reply to an older server that sends a request while it still responds."""

_SocketOption = tuple[int, int, int] | tuple[int, int, bytes | bytearray] | tuple[int, int, None, int]


class Egress:
    """The connections to all upstreams: one pool for https and one for http, because their allowed addresses differ.

    Egress ignores proxy settings in the environment, stores no cookie, follows no redirect and adds no header.
    """

    def __init__(self, config: GatewayConfig) -> None:
        lookups = anyio.CapacityLimiter(config.lookups_max)
        tls = ssl.create_default_context(cafile=config.ca_file)

        def pool(*, encrypted: bool) -> httpcore2.AsyncConnectionPool:
            return httpcore2.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=_CONNECTIONS_PER_CALL * config.connections_max,
                max_keepalive_connections=config.idle_connections_max,
                keepalive_expiry=config.idle_seconds,
                network_backend=_GuardedBackend(config, lookups, encrypted=encrypted),
            )

        self._pools = {"https": pool(encrypted=True), "http": pool(encrypted=False)}

    async def send(self, request: httpx2.Request, target: bytes | None = None) -> httpcore2.Response:
        """Send `request` and return as soon as the head of the response has arrived. The caller closes the response.

        `target`: the path and query to send, if they differ from those of the request.
        """
        return await self._pools[request.url.scheme].handle_async_request(
            httpcore2.Request(
                method=request.method,
                url=httpcore2.URL(
                    scheme=request.url.raw_scheme,
                    host=request.url.raw_host,
                    port=request.url.port,
                    target=request.url.raw_path if target is None else target,
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            ),
        )

    @property
    def connections(self) -> list[str]:
        """Return a line for each open connection, for tests and diagnosis."""
        return [connection.info() for pool in self._pools.values() for connection in pool.connections]

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


class _GuardedBackend(httpcore2.AsyncNetworkBackend):
    def __init__(self, config: GatewayConfig, lookups: anyio.CapacityLimiter, *, encrypted: bool) -> None:
        self._config = config
        self._lookups = lookups
        self._encrypted = encrypted
        self._network = cast("httpcore2.AsyncNetworkBackend", httpcore2.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the signature is httpcore's
        local_address: str | None = None,
        socket_options: Iterable[_SocketOption] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await self._resolve(host, port)
        for address in addresses:
            if (reason := refusal_reason(address, self._config.egress, encrypted=self._encrypted)) is not None:
                # The message omits the address: the caller must not learn what a name means inside the network.
                raise EgressRefused(
                    f"It {reason}. An operator can allow its network with KEYLEDGER_EGRESS_ALLOW"
                    " and see to it that every address of its name is on that list."
                )
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(
                    str(address), port, self._config.connect_attempt_seconds, local_address, socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
        last = timeout or 2 * self._config.connect_attempt_seconds
        return await self._network.connect_tcp(str(addresses[-1]), port, last, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ARG002, ASYNC109
        socket_options: Iterable[_SocketOption] | None = None,  # noqa: ARG002
    ) -> httpcore2.AsyncNetworkStream:
        raise EgressRefused

    async def sleep(self, seconds: float) -> None:
        await anyio.sleep(seconds)

    async def _resolve(self, host: str, port: int) -> list[Address]:
        """Return all addresses of `host` in the order to try them; never an empty list."""
        try:
            return [ip_address(host)]
        except ValueError:
            pass
        try:
            # The system's resolver, which also reads the hosts file, cannot be interrupted. It runs in a thread that a
            # call abandons when it times out. `lookups` limits the number of abandoned threads.
            found = await anyio.to_thread.run_sync(
                lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
                abandon_on_cancel=True,
                limiter=self._lookups,
            )
        except (OSError, UnicodeError):
            raise UpstreamUnreachable("Its name has no address.") from None
        addresses = list(dict.fromkeys(ip_address(str(sockaddr[0])) for *_, sockaddr in found))
        if not addresses:
            raise UpstreamUnreachable("Its name has no address.")
        return addresses
