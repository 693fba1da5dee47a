"""Ports for servers that tests start and whose port must be known before that, unique on this machine.

A server that can choose its own port binds port 0 instead.
"""

import socket
from collections.abc import Iterator
from contextlib import suppress

PORTS = range(20_000, 32_768)
"""The range is below the one that Linux uses for outgoing connections (ip_local_port_range in ip(7)). Otherwise such a
connection could take the port before the server does, or while a test restarts the server."""

_BLOCK = 200
_STEP = 4
"""`make run` uses the next free port above its own for the example MCP server."""

_claims: list[socket.socket] = []


def free_port() -> int:
    """Return a port that is free, and whose successor is free too. No other call on this machine returns it.

    Raise OSError if other processes have claimed the rest of the range.
    """
    for port in _ports:
        return port
    raise OSError(f"all ports from {PORTS.start} to {PORTS.stop - 1} are claimed")


def free_ports() -> Iterator[int]:
    """Yield such ports from blocks that belong to this process, such as a worker of pytest-xdist, until it ends."""
    for start in range(PORTS.start, PORTS.stop - _BLOCK + 1, _BLOCK):
        if _claim(start):
            for port in range(start, start + _BLOCK, _STEP):
                if not any(_is_taken(each) for each in (port, port + 1)):
                    yield port


def _claim(start: int) -> bool:
    """Claim the block that begins at this port, and return whether no other process has it.

    The claim is an abstract Unix socket. Like ports, its name is unique in the network namespace, for all users. The
    system removes it when the process ends, however it ends.
    """
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    with suppress(OSError):
        claim.bind(f"\0keyledger-test-ports-{start}")
        _claims.append(claim)
        return True
    claim.close()
    return False


def _is_taken(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return False
    except OSError:
        return True


_ports = free_ports()
