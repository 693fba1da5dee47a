"""Time limit for the headers of a request: connections that exceed it are closed.

The server has only one limit for two waits: for the next request on an open connection, and for the rest of a request
that has started. Proxies keep connections open for minutes, which is far too long for a client that sends a byte now
and then. The server's limit is therefore that of idle connections, and this module enforces the other one. A connection
without a running request on which bytes have arrived has started a request. Linux reports the number of received bytes
(TCP_INFO).
"""

import asyncio
import errno
import os
import socket
import struct
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import Any, NamedTuple

Peer = tuple[str, str]
"""Address and port, in the server's format for the client of a request."""

_BYTES_RECEIVED_OFFSET = 128
"""Offset of `tcpi_bytes_received` in `struct tcp_info` (linux/tcp.h, since Linux 4.1)."""

_TIMED_OUT = b"HTTP/1.1 408 Request Timeout\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"
_NOT_OPEN = frozenset({errno.EBADF, errno.ENOENT, errno.ENOTSOCK, errno.ENOTCONN, errno.EINVAL})
"""Errors of a descriptor that is not, or no longer, a connected socket."""

_CHECKS = 10
"""Number of checks of each connection within the limit."""


class _Idle(NamedTuple):
    """`number`: of the last request. `received`: bytes at its end. `since`: when more bytes were first seen."""

    number: int
    received: int
    since: float | None


class Connections:
    """The connections with a running request. Each request reports its start and its end."""

    def __init__(self, port: int, header_seconds: float) -> None:
        self._port = port
        self._header_seconds = header_seconds
        self._number = 0
        self._started: dict[Peer, int] = {}
        self._ended: dict[Peer, int] = {}
        self._multiplexed: set[Peer] = set()
        self._idle: dict[Peer, _Idle] = {}

    def begin(self, peer: Peer, http_version: str) -> None:
        self._number = self._started[peer] = self._number + 1
        if http_version == "2":
            self._multiplexed.add(peer)

    def end(self, peer: Peer) -> None:
        self._ended[peer] = self._number

    async def watch(self) -> None:
        """Close slow connections until cancelled. Without TCP_INFO, nothing is closed."""
        if sys.platform != "linux":
            await asyncio.get_running_loop().create_future()
        while True:
            await asyncio.sleep(self._header_seconds / _CHECKS)
            await asyncio.to_thread(self._check_all)

    def _check_all(self) -> None:
        known = {*self._started, *self._ended, *self._idle}
        open_now: set[Peer] = set()
        all_seen = True
        try:
            names = os.listdir("/proc/self/fd")  # noqa: PTH208 -- names only, because there may be thousands
        except OSError:  # no free descriptor for this
            return
        for name in names:
            try:
                with _copy_of(name) as connection:
                    if connection.family in {socket.AF_INET, socket.AF_INET6} and self._is_ours(connection):
                        address = connection.getpeername()
                        peer = (address[0], str(address[1]))
                        open_now.add(peer)
                        # A connection that closes during the check needs none.
                        with suppress(OSError):
                            self._check(connection, peer, monotonic())
            except OSError as error:
                # A lack of descriptors or memory may hide open connections. If their running requests were dropped, the
                # connections would look slow and be closed.
                all_seen = all_seen and error.errno in _NOT_OPEN
        for peer in known - open_now if all_seen else ():
            for table in (self._started, self._ended, self._idle):
                table.pop(peer, None)
            self._multiplexed.discard(peer)

    def _is_ours(self, connection: socket.socket) -> bool:
        return connection.getsockname()[1] == self._port

    def _check(self, connection: socket.socket, peer: Peer, now: float) -> None:
        number = self._ended.get(peer, 0)
        if peer in self._multiplexed or self._started.get(peer, 0) > number:
            self._idle.pop(peer, None)
            return
        information = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _BYTES_RECEIVED_OFFSET + 8)
        (received,) = struct.unpack_from("Q", information, _BYTES_RECEIVED_OFFSET)
        idle = self._idle.get(peer)
        if idle is None or idle.number != number:
            # All bytes so far belong to earlier requests, unless there was none.
            idle = _Idle(number, received if number else 0, None)
        if received > idle.received and idle.since is None:
            idle = idle._replace(since=now)
        self._idle[peer] = idle
        if idle.since is not None and now - idle.since >= self._header_seconds:
            connection.send(_TIMED_OUT, socket.MSG_DONTWAIT)
            connection.shutdown(socket.SHUT_RDWR)


def _copy_of(descriptor: str) -> socket.socket:
    """Duplicate the socket, so that its number cannot be reused meanwhile. Raise OSError if it is not a socket."""
    if not os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):  # noqa: PTH115 -- Path would only add objects
        raise OSError(errno.ENOTSOCK, "not a socket")
    copy = os.dup(int(descriptor))
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise


@asynccontextmanager
async def slow_headers_closed(connections: Connections) -> AsyncGenerator[asyncio.Task[None]]:
    """Check connections while the body runs. The task must run for as long as the process does."""
    task: asyncio.Task[Any] = asyncio.create_task(connections.watch(), name="slow headers")
    try:
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
