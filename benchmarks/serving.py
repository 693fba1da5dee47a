"""Programs that the benchmarks start, first of all the API as it runs in production on a database of the benchmark."""

import base64
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Serving:
    """A running API at `url`. `pid` is its main process."""

    url: str
    pid: int


@contextmanager
def serving(
    database_url: str, processes: int, log: Path, *, master_key: str = "", settings: Mapping[str, str] | None = None
) -> Generator[Serving]:
    """Start the API with further `settings`, and with a new master key (base64), unless one is given."""
    environment = {
        "DATABASE_URL": database_url,
        "KEYLEDGER_MASTER_KEY": master_key or base64.b64encode(os.urandom(32)).decode(),
        "API_WORKERS": str(processes),
        **(settings or {}),
    }
    with started(lambda _: ["app", "serve"], environment, log) as api:
        yield api


@contextmanager
def started(command: Callable[[int], list[str]], settings: Mapping[str, str], log: Path) -> Generator[Serving]:
    """Start the Python module and arguments that `command` returns for a free port, and wait until it listens there."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    environment = {**os.environ, **settings, "HOST": "127.0.0.1", "PORT": str(port)}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *command(port)], env=environment, stdout=output, stderr=output
        )
    try:
        _wait(port)
        yield Serving(f"http://127.0.0.1:{port}", process.pid)
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait(port: int) -> None:
    for _ in range(150):
        with closing(socket.socket()) as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing answers on port {port}")
