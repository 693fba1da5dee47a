"""Starting one process on a leash, waiting for it, ending it and all that it started."""

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
"""The environment variable by which a process, and whatever it forked, is found again when its parent is gone."""

# A Python that was built as a shared library and moved needs this to start, and the leash is Python.
_FOR_PYTHON = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
_LEASH = Path(__file__).with_name("exec_with_parent_death.py")
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
    """Start `program` (an absolute path first) in a session of its own, its output appended to `log`.

    In a session of its own it has no terminal: a Ctrl-C there reaches the supervisor alone, which stops its children in
    order, and a program under another account cannot type into the terminal of root (ioctl TIOCSTI).
    It gets `death_signal` when this process dies, however that happens. `open_files` stay open in it under the same
    numbers, and `reads` is its standard input. Call this from the main thread: the kernel watches the thread, not the
    process, that started the child.
    """
    uid, gid = (account.uid, account.gid) if account else (os.geteuid(), os.getegid())
    is_foreign = uid != os.geteuid()
    folder = working_folder if is_foreign and working_folder else ""
    words = [str(word) for word in (death_signal.value, os.getpid(), uid, gid, folder)]
    told = {**_FOR_PYTHON, **environment, **({MARK: mark} if mark else {})}
    with log.open("ab") as output:
        # S603: the words come from this package, and no shell sees them.
        return subprocess.Popen(  # noqa: S603
            [sys.executable, "-I", "-S", str(_LEASH), *words, "--", *(str(word) for word in program)],
            stdin=reads or subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=told,
            cwd=None if is_foreign else working_folder,
            pass_fds=tuple(open_files),
            start_new_session=True,
        )


def wait_for(condition: Callable[[], bool], seconds: float) -> bool:
    """Ask until `condition` holds or `seconds` have passed; says which. Raises StopRequested."""
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
    """Send a signal to `process` and what it started in its group, also when it has ended itself."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def describe_end(code: int) -> str:
    """Words for a return code of Popen: `exit code 1` or `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"


def marked_with(mark: str) -> list[int]:
    """Process ids of what `spawn(mark=mark)` started and what that forked. Empty where there is no /proc."""
    wanted = f"{MARK}={mark}".encode()
    return [pid for pid in _all_processes() if wanted in _environment(pid)]


def marked_below(folder: Path) -> list[int]:
    """Process ids of all that was started with a mark of this folder: `mark_of(folder, any name)`."""
    wanted = f"{MARK}={mark_of(folder, '')}".encode()
    return [pid for pid in _all_processes() if any(each.startswith(wanted) for each in _environment(pid))]


def mark_of(folder: Path, name: str) -> str:
    return f"{folder}:{name}"


def working_in(folder: Path, program: str) -> list[int]:
    """Process ids of processes named `program` whose working folder is `folder`. Empty where there is no /proc."""
    wanted = folder.resolve()
    named = [pid for pid in _all_processes() if _read(Path(f"/proc/{pid}/comm")).strip() == program.encode()]
    return [pid for pid in named if _working_folder(pid) == wanted]


def kill_all(pids: Sequence[int]) -> None:
    """SIGKILL each, and wait until the kernel has let go of it (a zombie of someone else counts as gone)."""
    for pid in pids:
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(is_running(pid) for pid in pids), seconds=5)


def is_running(pid: int) -> bool:
    """Whether `pid` is a process that can still do something: not gone and not a zombie."""
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
    """The last `count` lines of a log after its byte `since`, at most 16 KiB of it; empty if there are none."""
    with suppress(OSError), log.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        # A log that is shorter than before was moved aside in the meantime.
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
    """Ask the kernel in the name of the owner of a process.

    Root in a container often lacks CAP_SYS_PTRACE, without which these links of other accounts are closed to it too
    (ptrace(2), "Ptrace access mode checking"). Other than in the main thread of a program with one thread this would
    change what its other threads may do.
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
