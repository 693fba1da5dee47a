"""The API in separate processes, as in production, and raw requests to it."""

import base64
import http.client
import os
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from tests.logins import runtime_url_of
from tests.ports import free_port
from tests.programs import Running, inherited_environment, start_program
from tests.random_input import random_bytes

ROOT = Path(__file__).parents[2]

_START_SECONDS = 120.0


class Server:
    """`python -m app serve` on a free loopback port, with its output in `log`. It can be killed and started again.

    `module`: another module, with its arguments, that takes the same settings. `standard_error`: a bash redirection
    that sends standard error elsewhere than to the log.
    """

    def __init__(
        self,
        database_url: str,
        redis_url: str,
        log: Path,
        settings: Mapping[str, str] | None = None,
        module: Sequence[str] = ("app", "serve"),
        standard_error: str = "",
    ) -> None:
        self.log = log
        self._module = module
        self._standard_error = standard_error
        self.database_url = database_url
        self.redis_url = redis_url
        self.port = free_port()
        self.master_key = base64.b64encode(random_bytes(32)).decode()
        self._environment = {
            **inherited_environment(),
            "DATABASE_URL": runtime_url_of(database_url),
            "REDIS_URL": redis_url,
            "HOST": "127.0.0.1",
            "PORT": str(self.port),
            "KEYLEDGER_MASTER_KEY": self.master_key,
            "KEYLEDGER_EGRESS_ALLOW": "127.0.0.0/8",
            **(settings or {}),
        }
        self._process: Running | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The id of the main process, which supervises the processes that answer requests."""
        assert self._process is not None
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    @property
    def exit_code(self) -> int | None:
        return None if self._process is None else self._process.poll()

    def start(self) -> None:
        """Start the server, and return when it answers requests."""
        self._process = start_program(self._module, self._environment, self.log, redirection=self._standard_error)
        deadline = time.monotonic() + _START_SECONDS
        while not self._answers():
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        """Kill all processes of the server at the same time, as a power failure would."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(10)
        self.kill()

    def exchange(self, *sent: bytes, seconds: float = 60.0) -> tuple[http.client.HTTPResponse, bytes]:
        """Send these bytes and read one response. Fail if none arrives within `seconds`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            # A server may respond and close before it has read everything. The response counts, not the broken pipe.
            with suppress(BrokenPipeError, ConnectionResetError):
                for part in sent:
                    connection.sendall(part)
            method = sent[0].split(b" ", 1)[0].decode("latin-1")
            response = http.client.HTTPResponse(connection, method=method)
            response.begin()
            return response, response.read()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)
        try:
            connection.request("GET", "/health/live")
            return connection.getresponse().status == http.HTTPStatus.OK
        except OSError:
            return False
        finally:
            connection.close()
