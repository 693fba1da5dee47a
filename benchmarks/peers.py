"""The services with which verification is compared, on uvicorn with one process, uvloop and httptools."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.serving import Serving, started

_UVICORN = ("uvicorn", "--workers", "1", "--loop", "uvloop", "--http", "httptools", "--ws", "none")
_QUIET = ("--no-access-log", "--log-level", "warning")


@contextmanager
def serving_peer(module: str, log: Path, *, database_url: str = "") -> Generator[Serving]:
    """Start the application that `benchmarks.MODULE:app` creates."""

    def command(port: int) -> list[str]:
        return [*_UVICORN, *_QUIET, "--backlog", "2048", "--port", str(port), "--factory", f"benchmarks.{module}:app"]

    with started(command, {"DATABASE_URL": database_url}, log) as peer:
        yield peer
