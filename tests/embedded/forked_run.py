"""`python -m embedded run` in processes that are forked after its imports, which take longer than a refused start."""

import multiprocessing
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

from embedded.__main__ import main

_ROOT = Path(__file__).parents[2]
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload([__name__, "embedded.run"])


def run(environment: Mapping[str, str], errors: Path, seconds: float) -> int | None:
    """Return the exit code, or None if the process is still running after `seconds`. Write its stderr to `errors`."""
    process = _CONTEXT.Process(target=_run, args=(dict(environment), errors))
    process.start()
    process.join(seconds)
    if process.is_alive():
        process.terminate()
        process.join()
        return None
    return process.exitcode


def _run(environment: Mapping[str, str], errors: Path) -> NoReturn:
    os.chdir(_ROOT)
    os.environ.clear()
    os.environ.update(environment)
    with errors.open("wb") as stream:
        os.dup2(stream.fileno(), sys.stderr.fileno())
    sys.argv = ["embedded", "run"]
    sys.exit(main())
