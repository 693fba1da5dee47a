"""Program that ends the processes of a killed supervisor: `python -m embedded.orphan_reaper FOLDER`, a pipe as input.

The kernel signals each direct child when the supervisor ends (`exec_with_parent_death.py`). This program ends the rest:
children that ignore the signal, and their descendants. The pipe closes when the supervisor ends, for any reason. Our
own programs are killed after a short grace period. PostgreSQL and Valkey have no time limit to stop: see leftovers.py.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from embedded.leftovers import POSTGRES_PROGRAM, end_postgres, end_valkey, valkey_processes
from embedded.processes import MARK, kill_all, mark_of, marked_below, wait_for, working_in

POSTGRESQL = "postgresql"
VALKEY = "valkey"

_GRACE_SECONDS = 2.5


def belonging_to(folder: Path) -> list[int]:
    """Return the process ids of everything that a supervisor with this data folder started, with descendants."""
    servers = working_in(folder / POSTGRESQL, POSTGRES_PROGRAM) + valkey_processes(folder / VALKEY)
    return [*servers, *marked_below(folder)]


def end_all(folder: Path) -> None:
    """Kill our own programs of `folder`, and return when its servers have stopped too. Raise StopRequested."""
    kill_all(marked_below(folder))
    end_postgres(folder / POSTGRESQL)
    end_valkey(folder / VALKEY)


@contextmanager
def reap_on_exit(folder: Path) -> Generator[None]:
    """Ensure that no process that belongs to `folder` outlives this process by more than a few seconds.

    The caller holds the lock of the folder, so any process that still runs belongs to a killed supervisor. These
    processes are ended first, and with them the supervisor's reaper, which would also end the new processes.
    """
    end_all(folder)
    guard = subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", "embedded.orphan_reaper", str(folder)],
        stdin=subprocess.PIPE,
        env={**os.environ, MARK: mark_of(folder, "guard")},
        start_new_session=True,  # a Ctrl-C at the terminal must not end it
    )
    try:
        yield
    finally:
        guard.communicate()


def main() -> None:
    folder = Path(sys.argv[1])
    sys.stdin.read()
    wait_for(lambda: not belonging_to(folder), _GRACE_SECONDS)
    end_all(folder)


if __name__ == "__main__":
    main()
