"""An account other than root that runs programs of the checkout, even if root runs the tests."""

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from embedded.account import Account
from embedded.interpreter import PACKAGES

_ROOT = Path(__file__).parents[1]
# Bytecode is copied too: the account could not write it there, and compiling at each start takes seconds.
_UNUSED = shutil.ignore_patterns("test", "tests", "site-packages", "idlelib", "tkinter", "config-*")


@dataclass(frozen=True)
class OrdinaryUser:
    """`folder` is writable. `python` and `checkout` are copies if closed folders make the originals unreachable."""

    account: Account
    folder: Path
    python: Path
    checkout: Path
    environment: Mapping[str, str] = field(default_factory=dict[str, str])

    def start(
        self, program: Sequence[str], environment: Mapping[str, str], output: int | None = None
    ) -> subprocess.Popen[str]:
        """Start `python <program>` in the checkout under this account, with `environment` added."""
        foreign = self.account.uid != os.geteuid()
        return subprocess.Popen(
            [str(self.python), *program],
            cwd=self.checkout,
            env={**os.environ, "HOME": str(self.folder), **self.environment, **environment},
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            text=True,
            user=self.account.uid if foreign else None,
            group=self.account.gid if foreign else None,
            extra_groups=[] if foreign else None,
        )


def make_ordinary_user() -> OrdinaryUser:
    """Return the current account, or `nobody` if that is root. `shutil.rmtree(user.folder)` cleans up."""
    folder = Path(tempfile.mkdtemp(prefix="keyledger-user-"))
    if os.geteuid() != 0:
        return OrdinaryUser(Account.own(), folder, Path(sys.executable), _ROOT)
    entry = pwd.getpwnam("nobody")
    account = Account(entry.pw_uid, entry.pw_gid, entry.pw_name)
    os.chown(folder, account.uid, account.gid)
    checkout = _ROOT
    if not account.can_enter(_ROOT):
        checkout = folder / "checkout"
        for name in PACKAGES:
            shutil.copytree(_ROOT / name, checkout / name, ignore=_UNUSED)
    packages = Path(sysconfig.get_path("purelib"))
    if account.can_enter(packages) and account.can_enter(Path(sys.executable).resolve().parent):
        return OrdinaryUser(account, folder, Path(sys.executable), checkout)
    if not account.can_enter(packages):
        packages = Path(shutil.copytree(packages, folder / "packages"))
    python = _copy_of_python(folder / "python")
    return OrdinaryUser(
        account,
        folder,
        python,
        checkout,
        {"PYTHONPATH": str(packages), "LD_LIBRARY_PATH": str(python.parents[1] / "lib")},
    )


def _copy_of_python(target: Path) -> Path:
    """Copy the interpreter and the standard library, which find each other by their relative paths."""
    base = Path(sys.base_prefix)
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (target / "bin").mkdir(parents=True)
    (target / "lib").mkdir()
    shutil.copy2(base / "bin" / name, target / "bin" / name)
    for library in (base / "lib").glob("libpython*.so*"):
        shutil.copy2(library, target / "lib" / library.name)
    shutil.copytree(base / "lib" / name, target / "lib" / name, ignore=_UNUSED)
    return target / "bin" / name
