"""The Host header, which decides for servers and proxies to whom a request is addressed."""

import re

from app.http.errors import Problem

_HOST = re.compile(rb"(?:[A-Za-z0-9._~!$&'()*+;=%-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?")


class HostRule:
    """Refuses requests that two servers could assign to different hosts (RFC 9112 §3.2)."""

    def __init__(self) -> None:
        self._valid: bytes | None = None

    def check(self, host: bytes, http_version: str) -> None:
        """Raise 400 unless `host` is exactly one valid host. `host` is empty if the header is absent."""
        if host == self._valid:  # nearly all requests name the same host
            return
        # No HTTP URL has an empty host.
        if not host and http_version != "1.1":
            return
        if not host or _HOST.fullmatch(host) is None:
            message = "The Host header is repeated or malformed" if host else "The request has no Host header"
            raise Problem("invalid_request", f"{message}. Send exactly one, with the host of the URL.")
        self._valid = host
