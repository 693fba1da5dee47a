"""A certified OpenID provider (npm's oidc-provider) in a separate process, on the Node.js that pyright installs."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import httpx2

from tests.app.serving import ROOT
from tests.npm import node, npm

_SOURCE = Path(__file__).parents[2] / "oidc_provider"
_START_SECONDS = 60

CLIENT_ID, CLIENT_SECRET = "keyledger", "s3cret:/ + %"


def installed() -> Path:
    """Return the folder with the provider and its packages, installed once for each version of its files."""
    digest = sha256(b"".join([path.read_bytes() for path in sorted(_SOURCE.iterdir()) if path.is_file()])).hexdigest()
    target = ROOT / ".tools" / f"oidc-provider-{digest[:16]}"
    if not target.exists():
        target.parent.mkdir(exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=target.parent))
        for path in _SOURCE.iterdir():
            if path.is_file():
                shutil.copy(path, fresh)
        npm("ci", "--omit=dev", "--ignore-scripts", "--no-audit", "--no-fund", folder=fresh)
        try:
            fresh.rename(target)
        except OSError:  # another test process was faster
            shutil.rmtree(fresh)
    return target


@contextmanager
def openid_provider(port: int, redirect_uri: str, log: Path, *, conform: bool = True) -> Generator[str]:
    """Start the provider and yield its issuer. Without `conform`, the email address is in the ID token too."""
    environment = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "CLIENT_ID": CLIENT_ID,
        "CLIENT_SECRET": CLIENT_SECRET,
        "REDIRECT_URI": redirect_uri,
        "CONFORM": "true" if conform else "false",
    }
    issuer = f"http://127.0.0.1:{port}"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [node(), "provider.mjs"],
            cwd=installed(),
            env=environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while not _is_ready(issuer):
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield issuer
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _is_ready(issuer: str) -> bool:
    try:
        return httpx2.get(f"{issuer}/.well-known/openid-configuration", timeout=5).status_code == 200
    except httpx2.HTTPError:
        return False
