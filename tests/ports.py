"""Ports for servers that tests start."""

import socket

from tests.random_input import random_port


def free_port() -> int:
    """A port on which no process listens now, nor on the next one, where the example MCP server goes.

    It lies below the range that the system gives to outgoing connections. Otherwise such a connection could take the
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
