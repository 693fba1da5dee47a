"""The folder in which the API processes of one server share their counters, created and removed by their parent.

This module must not import prometheus-client, which decides at import whether it counts in a folder.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

VARIABLE = "PROMETHEUS_MULTIPROC_DIR"

_PREFIX = "keyledger-metrics-"


@contextmanager
def shared_folder(parent: Path | None = None) -> Generator[Path]:
    """Create a private, empty folder. Remove the folders of killed servers first."""
    parent = parent or Path(tempfile.gettempdir())
    for old in parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if old.stat().st_uid == os.geteuid() and not _is_running(old.name):
                shutil.rmtree(old)
    folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def process_of(file: Path) -> int | None:
    """Return the id of the process that wrote a file: the end of its name, as in `gauge_livesum_4711.db`."""
    number = file.stem.rpartition("_")[2]
    return int(number) if number.isdecimal() else None


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_running(name: str) -> bool:
    number = name.removeprefix(_PREFIX).partition("-")[0]
    return number.isdecimal() and is_running(int(number))
