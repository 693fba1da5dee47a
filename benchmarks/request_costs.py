"""One load on one service, with its processor time in the service, PostgreSQL and Valkey."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

from benchmarks.processor_time import tree_ms
from benchmarks.wrk import Measured, load
from embedded.socket_server import SocketServer

Figure = Literal["rate", "p50", "p99", "api", "postgres", "valkey", "cost"]
"""A property of a `Sample`."""


@dataclass(slots=True)
class Service:
    """A measured service: the URL of its requests, its main process, and the script of wrk that sends them.

    `answered` counts the responses of all loads. `unanswered_max` counts requests that wrk may have abandoned when a
    load ended: one for each connection.
    """

    name: str
    url: str
    pid: int
    script: Path | None = None
    answered: int = 0
    unanswered_max: int = 0

    def load(self, connections: int, seconds: float) -> Measured:
        measured = load(self.url, connections, seconds, self.script)
        self.answered += measured.requests
        self.unanswered_max += connections
        return measured


class Sample(NamedTuple):
    """Requests a second, latencies in milliseconds, and processor time of a request in microseconds.

    `api` is the time of all processes of the service.
    """

    rate: float
    p50: float
    p99: float
    api: float
    postgres: float
    valkey: float = 0.0

    @property
    def cost(self) -> float:
        """Return the microseconds of a request in all of its processes."""
        return self.api + self.postgres + self.valkey

    def of(self, figure: Figure) -> float:
        return getattr(self, figure)


@dataclass(frozen=True, slots=True)
class Stores:
    """The servers that the measured services share."""

    postgres: SocketServer
    valkey: SocketServer | None = None

    def sample(self, service: Service, connections: int, seconds: float) -> Sample:
        """Load `service`, while nothing else uses the servers, and return the measurements."""
        pids = [service.pid, pid_of(self.postgres), *([pid_of(self.valkey)] if self.valkey else [])]
        before = [tree_ms(pid) for pid in pids]
        measured = service.load(connections, seconds)
        times = [(tree_ms(pid) - start) * 1_000 / measured.requests for pid, start in zip(pids, before, strict=True)]
        return Sample(measured.rate, measured.p50, measured.p99, *times)


def pid_of(server: SocketServer) -> int:
    """Return the main process of a server that was started."""
    if server.process is None:
        raise ProcessLookupError(f"{server.NAME} was not started")
    return server.process.pid
