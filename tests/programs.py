"""Programs of the checkout in separate processes, forked from a process that has already imported the libraries.

Importing the libraries takes most of the CPU time of a start, and the tests start hundreds of programs. A forked
program imports the modules of the checkout itself, after it has taken its environment and its standard error, as if
`python -m` had started it.
"""

import atexit
import multiprocessing
import os
import runpy
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

forks = multiprocessing.get_context("forkserver")
"""Starts processes that have the modules below, and all that these import, in memory."""

forks.set_forkserver_preload(
    [
        "app.application",
        "app.admin.demo",
        "uvicorn.lifespan.on",
        "uvicorn.protocols.http.httptools_impl",
        "uvloop",
        "pytest",
        "workers.schedule",
    ]
)

_ROOT = Path(__file__).parents[1]
_PACKAGES = {path.name for path in _ROOT.iterdir() if (path / "__init__.py").exists()} - {"tests"}
# prometheus-client chooses by the environment where metrics are stored, when it is imported.
_IMPORTED_AGAIN = _PACKAGES | {"prometheus_client"}

_SETTINGS = (
    "KEYLEDGER_",
    "DATABASE_URL",
    "REDIS_URL",
    "HOST",
    "PORT",
    "API_WORKERS",
    "WORKERS",
    "DEMO_",
)


def inherited_environment() -> dict[str, str]:
    """Return the environment of the tests without settings of the service."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}


class Program:
    """A running `python -m <words>` that leads its own session, with its output appended to the file `output`.

    `errors` is another file for standard error. The methods are those of `subprocess.Popen`.
    """

    def __init__(
        self, words: Sequence[str], environment: Mapping[str, str], output: Path, errors: Path | None = None
    ) -> None:
        arguments = (list(words), dict(environment), output, errors or output)
        self._process = forks.Process(target=_run, args=arguments)
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0.0)
        return code

    def send_signal(self, number: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Running = Program | subprocess.Popen[bytes]


def start_program(
    words: Sequence[str],
    environment: Mapping[str, str],
    output: Path,
    *,
    errors: Path | None = None,
    redirection: str = "",
) -> Running:
    """Start `python -m <words>` with exactly this environment.

    `redirection`: a redirection of bash that sends standard error elsewhere. It and settings of Python itself need a
    new interpreter.
    """
    of_python = {name: value for name, value in environment.items() if name.startswith("PYTHON")}
    if redirection or not of_python.items() <= os.environ.items():
        command = ["bash", "-c", f'exec "$@" {redirection}', "bash", sys.executable, "-m", *words]
        with output.open("ab") as stream, (errors or output).open("ab") as error_stream:
            return subprocess.Popen(
                command, cwd=_ROOT, env=environment, stdout=stream, stderr=error_stream, start_new_session=True
            )
    return Program(words, environment, output, errors)


def run_program(
    *words: str, environment: Mapping[str, str], seconds: float = 300.0
) -> subprocess.CompletedProcess[str]:
    """Run `python -m <words>` with no other settings than `environment`, and return its exit code and output."""
    with tempfile.TemporaryDirectory() as folder:
        output, errors = Path(folder, "output"), Path(folder, "errors")
        program = start_program(words, {**inherited_environment(), **environment}, output, errors=errors)
        try:
            code = program.wait(seconds)
        finally:
            program.kill()
        return subprocess.CompletedProcess(words, code, output.read_text(), errors.read_text())


def _run(words: list[str], environment: dict[str, str], output: Path, errors: Path) -> None:
    os.setsid()
    for stream, path in ((sys.stdout, output), (sys.stderr, errors)):
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        os.dup2(opened, stream.fileno())
        os.close(opened)
    os.chdir(_ROOT)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = words
    sys.path.insert(0, str(_ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] in _IMPORTED_AGAIN]:
        del sys.modules[name]
    # The method of `python -m`. Otherwise the program's processes would come from the fork server, too.
    multiprocessing.set_start_method(multiprocessing.get_all_start_methods()[0], force=True)
    try:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    finally:
        # A process of `multiprocessing` ends without calling them.
        atexit._run_exitfuncs()  # pyright: ignore[reportPrivateUsage]
