"""Start, supervision and end of a process that dies with its parent, including everything that it starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from embedded.account import Account
from embedded.signals import raise_if_requested

Process = subprocess.Popen[bytes]

MARK = "KEYLEDGER_EMBEDDED_CHILD"
"""The environment variable that identifies a process and its forks after their parent has died."""

# A relocated Python that was built as a shared library needs this variable, and `exec_with_parent_death.py` is Python.
_FOR_PYTHON = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
_EXEC_WITH_PARENT_DEATH = Path(__file__).with_name("exec_with_parent_death.py")
_STEP_SECONDS = 0.01


def spawn(
    program: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str],
    working_folder: Path | None = None,
    account: Account | None = None,
    death_signal: signal.Signals = signal.SIGTERM,
    open_files: Sequence[int] = (),
    reads: IO[bytes] | None = None,
    mark: str | None = None,
) -> Process:
    """Start `program` (an absolute path first) in a new session, and append its output to `log`.

    The new session has no terminal: a Ctrl-C reaches only the supervisor, which stops its children in order, and a
    program under another account cannot type into root's terminal (ioctl TIOCSTI).
    The kernel sends `death_signal` to the program when this process dies, for any reason. `open_files` remain open in
    the program under the same numbers, and `reads` is its standard input. Call this from the main thread: the kernel
    watches the thread, not the process, that started the child.
    """
    uid, gid = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    is_foreign = uid != os.geteuid()
    folder = working_folder if is_foreign and working_folder else ""
    words = [str(word) for word in (death_signal.value, os.getpid(), uid, gid, folder)]
    variables = {**_FOR_PYTHON, **environment, **({MARK: mark} if mark else {})}
    with log.open("ab") as output:
        # S603: the arguments come from this package, and no shell interprets them.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(_EXEC_WITH_PARENT_DEATH), *words, "--", *(str(word) for word in program)],
            stdin=reads or subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=variables,
            cwd=None if is_foreign else working_folder,
            pass_fds=tuple(open_files),
            start_new_session=True,
        )


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until `condition` holds or `seconds` have passed, and return whether it holds. Raise StopRequested."""
    deadline = time.monotonic() + seconds
    while not condition():
        raise_if_requested()
        if time.monotonic() >= deadline:
            return False
        time.sleep(_STEP_SECONDS)
    return True


def has_ended(process: Process) -> bool:
    return process.poll() is not None


def signal_group(process: Process, number: signal.Signals) -> None:
    """Send a signal to the process group of `process`, even if `process` itself has ended."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def describe_end(code: int) -> str:
    """Describe a return code of Popen: `exit code 1` or `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def marked_with(mark: str) -> list[int]:
    """Return the process ids of what `spawn(mark=mark)` started, and of its forks. Empty if there is no /proc."""
    wanted = f"{MARK}={mark}".encode()
    return [pid for pid in _all_processes() if wanted in _environment(pid)]


def marked_below(folder: Path) -> list[int]:
    """Return the process ids of everything started with a mark of this folder: `mark_of(folder, any name)`."""
    wanted = f"{MARK}={mark_of(folder, '')}".encode()
    return [pid for pid in _all_processes() if any(each.startswith(wanted) for each in _environment(pid))]


def mark_of(folder: Path, name: str) -> str:
    return f"{folder}:{name}"


def working_in(folder: Path, program: str) -> list[int]:
    """Return the ids of processes named `program` that work in `folder`. Empty if there is no /proc."""
    wanted = folder.resolve()
    named = [pid for pid in _all_processes() if _read(Path(f"/proc/{pid}/comm")).strip() == program.encode()]
    return [pid for pid in named if _working_folder(pid) == wanted]


def kill_all(pids: Sequence[int]) -> None:
    """Send SIGKILL to each process, and wait until it is gone. A zombie of another parent counts as gone."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids), seconds=5)


def is_running(pid: int) -> bool:
    """Return whether `pid` is a process that still runs: not gone and not a zombie."""
    if Path("/proc/self/stat").exists():
        status = _read(Path(f"/proc/{pid}/stat"))
        return bool(status) and status.rpartition(b")")[2].split()[0] not in {b"Z", b"X"}
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def last_lines(log: Path, count: int, since: int = 0) -> list[str]:
    """Return the last `count` lines of a log after byte `since`, at most 16 KiB; empty if there are none."""
    with suppress(OSError), log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        # A log that is shorter than before was rotated in the meantime.
        stream.seek(max(since if since <= size else 0, size - 16_384))
        return stream.read().decode(errors="replace").splitlines()[-count:]
    return []


def size_of(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0


def _all_processes() -> list[int]:
    own = os.getpid()
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != own]  # noqa: PTH208
    except FileNotFoundError:
        return []


def _environment(pid: int) -> list[bytes]:
    path = Path(f"/proc/{pid}/environ")
    try:
        return path.read_bytes().split(b"\0")
    except PermissionError:
        with suppress(OSError), _as_owner_of(pid):
            return path.read_bytes().split(b"\0")
    except OSError:
        pass
    return []


def _working_folder(pid: int) -> Path | None:
    path = Path(f"/proc/{pid}/cwd")
    with suppress(OSError):
        try:
            return path.readlink()
        except PermissionError:
            with _as_owner_of(pid):
                return path.readlink()
    return None


@contextmanager
def _as_owner_of(pid: int) -> Generator[None]:
    """Take the effective ids of the owner of a process during the block.

    Root in a container often lacks CAP_SYS_PTRACE. Without it, root cannot read these files of other accounts either
    (ptrace(2), "Ptrace access mode checking"). Use this only in a program with one thread: it would change the
    permissions of other threads too.
    """
    if os.geteuid() != 0:
        yield
        return
    gid = os.getegid()
    try:
        status = Path(f"/proc/{pid}").stat()
        os.setegid(status.st_gid)
        os.seteuid(status.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
