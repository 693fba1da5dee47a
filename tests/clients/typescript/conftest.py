"""The TypeScript client, built and packed as it is published, in Node.js 20 and 22."""

import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol

import httpx2
import pytest

from tests.app.organizations import Api, Organization
from tests.clients.typescript.installation import PROGRAMS, install, pack
from tests.missing import stop_without
from tests.npm import installed
from tests.waiting import stretched

NODE_VERSIONS = ("20", "22")
FAST = {"retries": {"firstSeconds": 0.01, "longestSeconds": 0.02}}

_PROCESSORS = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


class CallFailed(Exception):
    """The error that a snippet of code threw: its `name`, `message` and own fields."""

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(error["text"])
        self.error = error


class Host:
    """A process of Node.js that runs snippets of code and applications (`programs/host.mjs`)."""

    def __init__(self, node: Path, project: Path) -> None:
        self._log = (project / f"{node.parents[1].name}.log").open("w")
        self._process = subprocess.Popen(
            [node, "host.mjs"], cwd=project, stdout=subprocess.PIPE, stderr=self._log, text=True
        )
        assert self._process.stdout is not None
        self._control = httpx2.Client(base_url=self._process.stdout.readline().strip(), timeout=stretched(60))

    def command(self, command: str, **given: object) -> Any:  # noqa: ANN401 -- JSON
        return self._control.post("/", json={"command": command, **given}).json()

    def close(self) -> None:
        self._control.close()
        self._process.kill()
        self._process.wait(10)
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._log.close()


class Evaluate(Protocol):
    def __call__(self, code: str, *, url: str = ..., key: str = ..., options: object = ..., **given: object) -> Any: ...  # noqa: ANN401


Start = Callable[..., str]


@pytest.fixture(scope="session")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive that `npm pack` makes of the client."""
    return pack(tmp_path_factory.mktemp("typescript") / "client")


@pytest.fixture(scope="session")
def project(packed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has installed the client from its archive, and the frameworks."""
    folder = tmp_path_factory.mktemp("typescript") / "project"
    install(packed, folder)
    for name in ("package.json", "host.mjs"):
        shutil.copy(PROGRAMS / name, folder)
    return folder


@pytest.fixture(scope="session", params=NODE_VERSIONS, ids=lambda version: f"node{version}")
def node(request: pytest.FixtureRequest) -> Path:
    """A program `node` of each version that the client supports."""
    processor = _PROCESSORS.get(platform.machine().lower(), "unknown")
    program = installed(PROGRAMS) / f"node-{request.param}-{sys.platform}-{processor}" / "bin/node"
    if not program.exists():
        stop_without(f"npm has no Node.js {request.param} for this machine")
    return program


@pytest.fixture(scope="session")
def host(node: Path, project: Path) -> Iterator[Host]:
    running = Host(node, project)
    yield running
    running.close()


@pytest.fixture
def evaluate(host: Host, api: Api, org: Organization) -> Evaluate:
    """Run the body of an async function with a `client` that has the key of the manager, and the values in `given`.

    Return its result. Raise `CallFailed` if it throws an error.
    """

    def evaluated(
        code: str, *, url: str = api.url, key: str = org.manager.secret, options: object = FAST, **given: object
    ) -> Any:  # noqa: ANN401 -- JSON
        outcome = host.command("evaluate", code=code, url=url, key=key, options=options, given=given)
        if "error" in outcome:
            raise CallFailed(outcome["error"])
        return outcome["result"]

    return evaluated


@pytest.fixture(params=["express", "node", "fetch", "hono"])
def kind(request: pytest.FixtureRequest) -> str:
    """A framework, or the plain servers of Node.js."""
    kind: str = request.param
    return kind


@pytest.fixture
def start(host: Host, kind: str, api: Api, org: Organization) -> Start:
    """Start an application that verifies keys with the service at `url`, and return its URL."""

    def started(*, url: str = api.url, by: str = org.manager.secret, **access: object) -> str:
        address: str = host.command("start", kind=kind, url=url, key=by, access=access)
        return address

    return started
