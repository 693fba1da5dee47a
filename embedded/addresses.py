"""Network addresses of this machine: free ports, and servers that respond."""

import errno
import http.client
import socket
from contextlib import suppress
from http import HTTPStatus

from embedded.errors import CannotStart

_PORTS_TRIED = 50
_ANSWER_SECONDS = 5


def require_free(host: str, port: int) -> None:
    """Raise CannotStart, with the reason, if no process can listen on this address now."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise CannotStart(f"HOST is '{host}', which is no address of this machine") from None
    with socket.socket(family, kind, protocol) as probe:
        # A recently closed connection does not count as use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise CannotStart(_why_not(error, host, port)) from None


def first_free_port(host: str, wanted: int) -> int:
    """Return `wanted`, or the next free port above it. Raise CannotStart if no nearby port is free."""
    for port in range(wanted, min(wanted + _PORTS_TRIED, 65_536)):
        with suppress(CannotStart):
            require_free(host, port)
            return port
    raise CannotStart(f"no port from {wanted} on is free on {host}")


def answers_ok(host: str, port: int, path: str) -> bool:
    """Return whether GET `path` returns 200. The timeout of some seconds allows for a slow machine."""
    connection = http.client.HTTPConnection(host, port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def is_listening(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True


def _why_not(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is in use: end what listens there, or set PORT to another"
    if error.errno == errno.EACCES:
        return f"port {port} on {host} needs more rights than this account has: set PORT to one above 1023"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST is '{host}', which is no address of this machine"
    return f"port {port} on {host} cannot be used: {error.strerror}"
