"""The processes of the server: their start, their end, and what replaces them."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.app.organizations import Api
from tests.app.server.raw_connection import connected, request
from tests.app.serving import ROOT, Server
from tests.waiting import eventually, stretched


@pytest.fixture
def server(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Server]:
    running = Server(
        database_url, redis_url, tmp_path / "api.log", {"API_WORKERS": "2", "KEYLEDGER_GRACE_SECONDS": "2"}
    )
    running.start()
    try:
        eventually(lambda: len(listening(running)) == 2)
        eventually(lambda: [handles_sigterm(pid) for pid in children(running)] == [True, True])
        yield running
    finally:
        running.stop()


def handles_sigterm(pid: int) -> bool:
    """Return whether a process has started so far that it drains when it is asked to stop."""
    status = Path(f"/proc/{pid}/status").read_text()
    (caught,) = (line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    has_loop = any(str(each.readlink()).endswith("[eventpoll]") for each in Path(f"/proc/{pid}/fd").iterdir())
    return has_loop and bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def children(server: Server) -> set[int]:
    return set(map(int, Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()))


def events(server: Server) -> list[str]:
    return [json.loads(line)["event"] for line in server.log.read_text().splitlines() if line.endswith("}")]


def test_a_process_that_dies_is_replaced(server: Server) -> None:
    before = children(server)
    assert len(before) == 2
    killed = min(before)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: len(children(server) - {killed}) == 2)
    assert "server_process_ended" in events(server)
    for _ in range(20):
        assert server.exchange(b"GET /health/live HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")[0].status == 200


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_the_server(server: Server, number: signal.Signals) -> None:
    os.kill(server.pid, number)
    eventually(lambda: server.has_ended)
    assert server.exit_code == 0
    assert events(server).count("shutdown_started") == 2


def test_processes_do_not_inherit_blocked_signals(server: Server) -> None:
    for pid in children(server):
        status = Path(f"/proc/{pid}/status").read_text()
        blocked = int(status.partition("SigBlk:")[2].split()[0], 16)
        assert not blocked & sum(1 << (number - 1) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD))


def test_a_process_holds_only_its_own_socket(server: Server) -> None:
    """Otherwise connections could arrive at a socket whose process has closed it."""
    sockets = listening(server)
    held = [{inode for inode in sockets if holds(pid, inode)} for pid in children(server)]
    assert sorted(map(len, held)) == [1, 1]
    assert held[0] | held[1] == sockets


def listening(server: Server) -> set[str]:
    """Return the inodes of the listening sockets."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    return {line.split()[9] for line in lines if is_ours(line, server)}


def is_ours(line: str, server: Server) -> bool:
    words = line.split()
    return words[1].endswith(f":{server.port:04X}") and words[3] == "0A"


def holds(pid: int, inode: str) -> bool:
    return any(str(entry.readlink()) == f"socket:[{inode}]" for entry in Path(f"/proc/{pid}/fd").iterdir())


@pytest.mark.parametrize("processes", ["1", "2"])
def test_a_port_in_use_is_reported(api: Api, tmp_path: Path, processes: str) -> None:
    second = Server(
        api.server.database_url, api.server.redis_url, tmp_path / "second.log",
        {"PORT": str(api.server.port), "API_WORKERS": processes},
    )  # fmt: skip
    with pytest.raises(AssertionError, match="address_not_available"):
        second.start()
    eventually(lambda: second.has_ended)
    assert second.exit_code == 1
    assert "address_not_available" in events(second)


def test_a_process_that_does_not_stop_is_killed(server: Server) -> None:
    stopped = min(children(server))
    os.kill(stopped, signal.SIGSTOP)
    began = time.monotonic()
    os.kill(server.pid, signal.SIGTERM)
    eventually(lambda: server.has_ended)
    assert time.monotonic() - began >= 2
    assert "server_processes_killed" in events(server)


def test_the_application_is_imported_before_the_fork(server: Server) -> None:
    """A process that is replaced starts in a fraction of the time that the imports take."""
    killed = min(children(server))
    os.kill(killed, signal.SIGKILL)
    began = time.monotonic()
    eventually(lambda: len(children(server) - {killed}) == 2)
    assert time.monotonic() - began < stretched(5)


@pytest.mark.parametrize("path", ["/health/live", "/v1/auth/check"])
def test_a_draining_process_closes_connections_after_their_responses(server: Server, path: str) -> None:
    """A request whose body is incomplete keeps a process running until the grace period ends."""
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as slow:
        slow.sendall(b"POST /v1/api-keys/verify HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{")
        # The connection to the process that runs it must be the same one.
        slow.sendall(b"")
        time.sleep(0.5)
        os.kill(server.pid, signal.SIGTERM)
        eventually(lambda: "shutdown_started" in events(server))
        slow.sendall(b"}" + request("GET", path))
        received = b"".join(iter(lambda: slow.recv(65_536), b""))
    assert received.startswith(b"HTTP/1.1 4")
    assert received.lower().count(b"connection: close") == 1
    assert received.count(b"HTTP/1.1") == 1


def test_idle_connections_are_closed_at_the_end(api: Api, server: Server) -> None:
    with closing(socket.create_connection(("127.0.0.1", server.port), timeout=60)) as idle:
        idle.sendall(request("GET", "/health/live"))
        received = b""
        while b"}}" not in received:
            received += idle.recv(65_536)
        os.kill(server.pid, signal.SIGTERM)
        assert idle.recv(1) == b""
    with connected(api) as connection:
        connection.send(request("GET", "/health/live"))
        assert connection.response().status == 200


ENDING = """
import signal, socket, sys
from app.server.processes import Processes
from infrastructure.log_format import configure_logging
configure_logging()
def work(listener): sys.exit(3)
with socket.create_server(("127.0.0.1", 0)) as listener:
    Processes([listener], work, 1.0).run()
"""


def test_a_process_that_cannot_start_is_replaced_after_longer_and_longer_pauses() -> None:
    with subprocess.Popen([sys.executable, "-c", ENDING], cwd=ROOT, stderr=subprocess.PIPE, text=True) as supervisor:
        time.sleep(4)  # pauses of 0.5, 1, and 2 seconds, and the start of the supervisor
        supervisor.terminate()
        _, lines = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 0
    assert 1 <= lines.count("server_process_ended") <= 4
    assert '"exit_code":3' in lines
