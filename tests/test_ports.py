"""Ports that tests use for servers."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.ports import PORTS, free_port, free_ports
from tests.programs import inherited_environment

_ROOT = Path(__file__).parents[1]
_DRAW_60 = """
import sys
from tests.ports import free_port
print(*(free_port() for _ in range(60)), flush=True)
sys.stdin.read()
"""


def test_concurrent_processes_take_different_ports() -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", _DRAW_60],
            cwd=_ROOT,
            env=inherited_environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    drawn: list[int] = []
    for process in processes:
        assert process.stdout is not None
        drawn += map(int, process.stdout.readline().split())
    drawn += [free_port() for _ in range(60)]
    for process in processes:
        process.communicate(timeout=20)
    with_successors = {each for port in drawn for each in (port, port + 1)}
    assert len(with_successors) == 2 * 4 * 60


@pytest.mark.parametrize("offset", [0, 1])
def test_a_port_is_skipped_if_it_or_its_successor_is_in_use(offset: int) -> None:
    ports = free_ports()
    first, second = next(ports), next(ports)
    with socket.create_server(("127.0.0.1", second + (second - first) + offset)):
        assert next(ports) > second + (second - first)


def test_outgoing_connections_do_not_take_the_ports() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert PORTS.stop <= lowest
