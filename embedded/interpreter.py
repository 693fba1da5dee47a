"""Python, our packages and their dependencies, at paths that an account can reach."""

import hashlib
import importlib.util
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from embedded.account import Account
from embedded.console import print_status
from embedded.copies import cached_copy
from embedded.needed_distributions import needed_distributions
from embedded.root_folders import CACHE

PACKAGES = (
    "domain",
    "infrastructure",
    "eventstore",
    "projections",
    "gateway",
    "workers",
    "app",
    "embedded",
    "examples",
)
_LIBRARY = f"python{sys.version_info.major}.{sys.version_info.minor}"
_NOT_NEEDED = ("site-packages", "test", "tests", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3")


@dataclass(frozen=True, slots=True)
class Interpreter:
    """The executable `python`, and the folders in which it finds packages.

    `own` contains our packages, `needed` their dependencies, and `libraries` the shared libraries of a copy of Python.
    """

    python: Path
    own: tuple[Path, ...]
    needed: tuple[Path, ...]
    libraries: Path | None = None

    @property
    def packages(self) -> list[Path]:
        """Return the folders of our packages themselves."""
        return [folder / name for folder in self.own for name in PACKAGES if (folder / name).is_dir()]

    @property
    def environment(self) -> dict[str, str]:
        """Return environment variables for the interpreter, to be used with the arguments `-S -m`."""
        settings = {
            "PYTHONPATH": os.pathsep.join(map(str, (*self.own, *self.needed))),
            "PYTHONSAFEPATH": "1",
            "PYTHONNOUSERSITE": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # the account cannot write next to the sources
        }
        return {**settings, "LD_LIBRARY_PATH": str(self.libraries)} if self.libraries else settings


def interpreter_for(account: Account) -> Interpreter:
    """Return this interpreter, with copies of the parts that the account cannot reach. Only root calls this.

    Raise CannotStart if the copies cannot be made.
    """
    python = Path(sys.executable).resolve()
    libraries = None
    if not (account.can_enter(python.parent) and account.can_enter(Path(sysconfig.get_path("stdlib")))):
        copy = _copied(account, "python", _fingerprint_of_python(python), _files_of_python(python))
        python, libraries = copy / "bin" / python.name, copy / "lib"
    return Interpreter(python, _folders_of_our_packages(account), _folders_of_needed_packages(account), libraries)


def _copied(
    account: Account, kind: str, fingerprint: str, files: Iterator[tuple[Path, Path]], *, may_link: bool = True
) -> Path:
    name = f"{kind}-{hashlib.sha256(fingerprint.encode()).hexdigest()[:16]}"
    if not (CACHE / name).exists():
        print_status(kind, f"being copied to {CACHE}, since {account} cannot reach it where it is")
    return cached_copy(name, files, may_link=may_link)


def _fingerprint_of_python(python: Path) -> str:
    library = Path(sysconfig.get_path("stdlib")) / "os.py"
    return repr((sys.version, str(python), python.stat().st_mtime_ns, library.stat().st_mtime_ns))


def _files_of_python(python: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the interpreter, its libraries and the standard library, which find each other by relative paths."""
    yield python, Path("bin") / python.name
    base = Path(sys.base_prefix)
    for library in (base / "lib").glob("*.so*"):
        if library.is_file():
            yield library, Path("lib") / library.name
    standard = Path(sysconfig.get_path("stdlib"))
    for source, relative in _files_below(standard, without=_NOT_NEEDED):
        yield source, Path("lib") / _LIBRARY / relative


def _folders_of_our_packages(account: Account) -> tuple[Path, ...]:
    packages = {name: _folder_of(name) for name in PACKAGES}
    if all(account.can_read_all(folder) for folder in packages.values()):
        return tuple(dict.fromkeys(folder.parent for folder in packages.values()))
    files = [
        (source, Path(name) / relative)
        for name, folder in packages.items()
        for source, relative in _files_below(folder)
    ]
    contents = hashlib.sha256()
    for source, target in sorted(files):
        if source.suffix != ".pyc":
            contents.update(f"{target}\0{source.stat().st_mtime_ns}\0".encode() + source.read_bytes())
    return (_copied(account, "keyledger", contents.hexdigest(), iter(files), may_link=False),)


def _folder_of(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.origin:
        raise ModuleNotFoundError(package)
    return Path(found.origin).parent


def _folders_of_needed_packages(account: Account) -> tuple[Path, ...]:
    folders = tuple(dict.fromkeys(Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")))
    if all(account.can_enter(folder) for folder in folders):
        return folders
    needed = sorted(needed_distributions(_folder_of("embedded").parent / "pyproject.toml").items())
    fingerprint = repr([_LIBRARY, *((name, each.version, each.read_text("RECORD")) for name, each in needed)])
    files = (file for _, distribution in needed for file in _files_of(distribution))
    return (_copied(account, "packages", fingerprint, files),)


def _files_of(distribution: metadata.Distribution) -> Iterator[tuple[Path, Path]]:
    for file in distribution.files or ():
        source = Path(str(distribution.locate_file(file)))
        if ".." in file.parts or source.suffix == ".pyc" or not source.is_file():
            continue  # a command, or a file that was removed
        yield source, Path(str(file))
        compiled = Path(importlib.util.cache_from_source(str(source))) if source.suffix == ".py" else None
        if compiled and compiled.is_file():
            yield compiled, Path(str(file)).parent / compiled.parent.name / compiled.name


def _files_below(folder: Path, without: tuple[str, ...] = ()) -> Iterator[tuple[Path, Path]]:
    """Yield every file below a folder with its path relative to the folder. Hidden files are left out."""
    for path, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in without and not name.startswith(("config-", "."))]
        for name in files:
            source = Path(path, name)
            if source.is_file() and not name.startswith("."):
                yield source, source.relative_to(folder)
