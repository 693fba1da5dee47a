"""A proxy to PostgreSQL that drops startup parameters, like a connection pooler that is configured to ignore them.

It runs in threads, so that processes and synchronous tests can connect through it.
"""

import shutil
import socket
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingUnixStreamServer
from urllib.parse import parse_qs, urlsplit

_SOCKET = ".s.PGSQL.5432"
_CANCEL_REQUEST = 80877102
_PACKET = 1 << 16


class _Server(ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, path: Path, target: Path, dropped: frozenset[str]) -> None:
        super().__init__(str(path), _Handler)
        self.target = target
        self.dropped = dropped


class _Handler(BaseRequestHandler):
    request: socket.socket

    def handle(self) -> None:
        with suppress(OSError), socket.socket(socket.AF_UNIX) as upstream:
            assert isinstance(self.server, _Server)
            upstream.connect(str(self.server.target))
            upstream.sendall(self._startup(self.server.dropped))
            responses = threading.Thread(target=_copy, args=(upstream, self.request), daemon=True)
            responses.start()
            _copy(self.request, upstream)
            responses.join()

    def _startup(self, dropped: frozenset[str]) -> bytes:
        length = int.from_bytes(self._exactly(4))
        body = self._exactly(length - 4)
        version, parameters = body[:4], body[4:].rstrip(b"\0").split(b"\0")
        if int.from_bytes(version) == _CANCEL_REQUEST:
            return length.to_bytes(4) + body
        kept = dict(zip(parameters[::2], parameters[1::2], strict=True))
        kept[b"options"] = b" ".join(_kept(kept.pop(b"options", b""), dropped))
        if not kept[b"options"]:
            del kept[b"options"]
        packed = b"".join(name + b"\0" + value + b"\0" for name, value in kept.items()) + b"\0"
        return (len(packed) + 8).to_bytes(4) + version + packed

    def _exactly(self, size: int) -> bytes:
        received = b""
        while len(received) < size:
            part = self.request.recv(size - len(received))
            if not part:
                raise ConnectionResetError
            received += part
        return received


def _kept(options: bytes, dropped: frozenset[str]) -> list[bytes]:
    settings = [setting.strip() for setting in options.split(b"-c ") if setting.strip()]
    return [b"-c " + each for each in settings if dropped and each.partition(b"=")[0].decode() not in dropped]


def _copy(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while received := source.recv(_PACKET):
            target.sendall(received)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def stripping_proxy(url: str, *dropped: str) -> Generator[str]:
    """Run a proxy in front of the server of `url` that drops these settings, or all if none is named; yield its URL."""
    (target,) = parse_qs(urlsplit(url).query)["host"]
    folder = tempfile.mkdtemp()
    with _Server(Path(folder) / _SOCKET, Path(target) / _SOCKET, frozenset(dropped)) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        try:
            yield url.replace(target, folder)
        finally:
            server.shutdown()
            shutil.rmtree(folder)
