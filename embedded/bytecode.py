"""Bytecode for the services that root runs under another account, which cannot write next to the sources.

Root compiles the sources. Compiling executes none of their code, and only sources that root itself runs are compiled.
"""

import py_compile
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from embedded.signals import raise_if_requested

_SAMPLES = ("litestar/app.py", "rq/worker_pool.py", "psycopg/connection.py")
_READABLE = 0o644
_ENTERABLE = 0o755
_READ_BY_OTHERS = 0o004
_ENTERED_BY_OTHERS = 0o001


def compile_packages(packages: Iterable[Path]) -> None:
    """Compile every module of our own packages that has no valid bytecode. Raise StopRequested."""
    for package in packages:
        for source in package.rglob("*.py"):
            _compile(source)


def has_bytecode(folders: Sequence[Path]) -> bool:
    """Return whether the packages in `folders` were installed with bytecode that all accounts can read.

    Packages that every service imports serve as samples.
    """
    sources = [folder / name for folder in folders for name in _SAMPLES]
    return all(_is_compiled(source) for source in sources if source.exists())


def compile_listed(names: Iterable[str], folders: Sequence[Path]) -> None:
    """Compile the files in `names` that are below `folders`. Raise StopRequested.

    The names come from another account, so they may only select among these sources.
    """
    for name in names:
        source = Path(name)
        if source.suffix == ".py" and ".." not in source.parts and any(map(source.is_relative_to, folders)):
            _compile(source)


def _compile(source: Path) -> None:
    raise_if_requested()
    # Without bytecode a service only starts more slowly, so neither a full disk nor a module for another version of
    # Python is a reason to fail.
    with suppress(OSError, ValueError, py_compile.PyCompileError):
        if _is_compiled(source):
            return
        target = _target(source)
        target.parent.mkdir(exist_ok=True)
        target.parent.chmod(_ENTERABLE)
        py_compile.compile(str(source), cfile=str(target), doraise=True, optimize=0)
        target.chmod(_READABLE)


def _is_compiled(source: Path) -> bool:
    """Return whether bytecode for this version of the source (PEP 552) exists and all accounts can read it."""
    target = _target(source)
    try:
        with target.open("rb") as stream:
            header = stream.read(16)
        is_open = target.stat().st_mode & _READ_BY_OTHERS and target.parent.stat().st_mode & _ENTERED_BY_OTHERS
    except OSError:
        return False
    status = source.stat()
    expected = [int(status.st_mtime), status.st_size]
    written = [int.from_bytes(header[start : start + 4], "little") for start in (8, 12)]
    return bool(is_open) and written == [number & 0xFFFFFFFF for number in expected]


def _target(source: Path) -> Path:
    """Return where the services look for the bytecode: they set no PYTHONPYCACHEPREFIX and no optimization level."""
    return source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"
