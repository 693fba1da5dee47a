"""Cleanup of database servers that an earlier supervisor left running.

A server gets a request to stop and is then waited for without a limit: it may be recovering or loading its data, and
SIGKILL would make it start over. Only processes whose main process is gone are killed, because they serve no purpose.
"""

import os
import signal
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from embedded.foreign_files import read_foreign
from embedded.processes import is_running, kill_all, wait_for, working_in
from embedded.waiting import Wait, wait_until

LOCK_FILE_BYTES_MAX = 4096
"""PostgreSQL writes eight short lines into postmaster.pid."""

POSTGRES_PROGRAM = "postgres"
VALKEY_PROGRAMS = ("valkey-server", "redis-server")

POSTGRES_STOP = signal.SIGINT
"""Requests a fast shutdown, which does not wait for clients to disconnect."""

VALKEY_STOP = signal.SIGTERM

_ORPHAN_SECONDS = 5.0


def end_postgres(folder: Path) -> None:
    """Return when no process of a server on the data in `folder` is left. Raise StopRequested."""
    main = postmaster_of(folder)
    if main is not None:
        _ask_and_wait("postgresql", folder, [main], POSTGRES_STOP)
    # Backends notice that their postmaster is gone, unless they are computing.
    wait_for(lambda: not working_in(folder, POSTGRES_PROGRAM), _ORPHAN_SECONDS)
    kill_all(working_in(folder, POSTGRES_PROGRAM))


def end_valkey(folder: Path) -> None:
    """Return when no Valkey with its data in `folder` is left. Raise StopRequested."""
    running = valkey_processes(folder)
    if running:
        _ask_and_wait("valkey", folder, running, VALKEY_STOP)


def postmaster_of(folder: Path) -> int | None:
    """Return the process id of the main process of the server on this data; None if it does not run."""
    try:
        pid = int(read_foreign(folder / "postmaster.pid", LOCK_FILE_BYTES_MAX).split(maxsplit=1)[0])
    except (OSError, ValueError, IndexError):
        return None
    return pid if pid in working_in(folder, POSTGRES_PROGRAM) else None


def valkey_processes(folder: Path) -> list[int]:
    return [pid for program in VALKEY_PROGRAMS for pid in working_in(folder, program)]


def resume(pids: Sequence[int]) -> None:
    """Resume paused processes: a process paused by SIGSTOP does not receive a request to end."""
    _send(pids, signal.SIGCONT)


def _ask_and_wait(name: str, folder: Path, pids: Sequence[int], number: signal.Signals) -> None:
    _send(pids, number)
    resume([*pids, *working_in(folder, POSTGRES_PROGRAM)])
    wait = Wait(name, folder.parent / "logs" / f"{name}.log", "to stop, which an earlier run left behind")
    wait_until(lambda: not any(is_running(pid) for pid in pids), wait)


def _send(pids: Sequence[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
