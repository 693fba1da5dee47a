"""Running requests whose connections cannot be inspected because no file descriptor is left."""

import asyncio
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing

import pytest

from app.process.slow_headers import Connections
from tests.app.serving import ROOT

HEADER_SECONDS = 0.5
LONGER_SECONDS = 2.0


@pytest.fixture
def connected() -> Iterator[tuple[socket.socket, socket.socket, Connections]]:
    """Both ends of a connection with a running request."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        port = listener.getsockname()[1]
        with closing(socket.create_connection(("127.0.0.1", port))) as client:
            served, address = listener.accept()
            with closing(served):
                connections = Connections(port, HEADER_SECONDS)
                client.sendall(b"GET / HTTP/1.1\r\n")
                connections.begin((address[0], str(address[1])), "1.1")
                yield client, served, connections


async def watched(connections: Connections) -> None:
    task = asyncio.create_task(connections.watch())
    await asyncio.wait([task], timeout=LONGER_SECONDS)
    assert not task.done(), "the watch has not ended"
    task.cancel()


def is_open(client: socket.socket) -> bool:
    client.settimeout(0.1)
    try:
        client.recv(1000)
    except TimeoutError:
        return True
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="connections are inspected only on Linux")
def test_a_running_request_survives_a_check_in_which_no_socket_can_be_duplicated(
    connected: tuple[socket.socket, socket.socket, Connections], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, _, connections = connected

    def fails(_: int) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    async def without_and_with() -> None:
        with monkeypatch.context() as patch:
            patch.setattr(os, "dup", fails)
            await watched(connections)
        await watched(connections)

    asyncio.run(without_and_with())
    assert is_open(client)


WITHOUT_DESCRIPTORS = """
import asyncio, os, resource
from app.process.slow_headers import Connections
async def main():
    task = asyncio.create_task(Connections(1, 0.5).watch())
    await asyncio.sleep(0.2)
    highest = max(map(int, os.listdir("/proc/self/fd")))
    kept = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 10, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    while True:
        try:
            kept.append(os.open("/dev/null", os.O_RDONLY))
        except OSError:
            break
    await asyncio.wait([task], timeout=1)
    print(task.done())
asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="connections are inspected only on Linux")
def test_a_process_without_file_descriptors_continues_to_watch() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_DESCRIPTORS], cwd=ROOT, check=True, capture_output=True)
    assert done.stdout == b"False\n"
