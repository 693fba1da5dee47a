"""Ports for servers that tests start."""

import socket

from tests.random_input import random_port


def free_port() -> int:
    """Return a port that is free, and whose successor is free too, for the example MCP server.

    It is below the range that the system uses for outgoing connections. Otherwise such a connection could take the
    port before the server does, or while a test restarts the server.
    """
    while True:
        port = random_port(20_000, 30_000)
        if not any(_is_taken(each) for each in (port, port + 1)):
            return port


def _is_taken(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return False
    except OSError:
        return True
