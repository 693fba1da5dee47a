"""The gateways as real programs, with the configurations of `docs/gateways.md`.

Only addresses, ids and paths of files are replaced. What a configuration does not contain, such as the place of a pid
file, is added around it.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import httpx2
import pytest

from tests.clients.typescript.installation import PROGRAMS as TYPESCRIPT_PROGRAMS
from tests.clients.typescript.installation import install
from tests.gateways.document import ROOT, configuration
from tests.missing import stop_without
from tests.npm import installed, node
from tests.ports import free_port
from tests.programs import inherited_environment
from tests.waiting import stretched

_MCP_ID = "mcp_01k0000000000000000000000a"
_KEYLEDGER = "keyledger:8000"
_MCP_SERVER = "mcp-server:9000"
_REFUSALS = {HTTPStatus.UNAUTHORIZED, HTTPStatus.SERVICE_UNAVAILABLE}
_SYSTEM_FOLDERS = ("/usr/sbin", str(ROOT / ".tools/gateways/bin"))

_NGINX = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/proxied;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/keyledger.conf;
}}
"""


class Setting(NamedTuple):
    """The addresses and ids for which the names in the document stand.

    `folder` is for the files of one gateway. `typescript_client` is the archive of the client, if it can be made.
    """

    port: int
    keyledger_port: int
    upstream_port: int
    mcp_id: str
    gateway_key: str
    folder: Path
    typescript_client: Path | None

    @property
    def ids(self) -> dict[str, str]:
        return {_MCP_ID: self.mcp_id}

    @property
    def addresses(self) -> dict[str, str]:
        return {
            **self.ids,
            _KEYLEDGER: f"127.0.0.1:{self.keyledger_port}",
            _MCP_SERVER: f"127.0.0.1:{self.upstream_port}",
        }

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path


Command = list[str]


class Gateway(NamedTuple):
    """A running gateway. `passes_on`: there is an upstream behind it; otherwise the application itself answers."""

    name: str
    url: str
    passes_on: bool


class Program(NamedTuple):
    """A gateway, or an application and what runs it.

    `find` returns the path of the program, if it is installed. `install`: how to get it. `configure` writes the
    configuration and returns the arguments.
    """

    find: Callable[[], str | None]
    install: str
    configure: Callable[[Setting], Command]
    passes_on: bool = True


def _on_path(name: str) -> Callable[[], str | None]:
    def find() -> str | None:
        folders = [*os.environ.get("PATH", "").split(os.pathsep), *_SYSTEM_FOLDERS]
        return shutil.which(name, path=os.pathsep.join(folders))

    return find


def _python_with(package: str) -> Callable[[], str | None]:
    def find() -> str | None:
        return sys.executable if find_spec(package) else None

    return find


def _node() -> str | None:
    try:
        installed(TYPESCRIPT_PROGRAMS)
    except pytest.skip.Exception:
        return None
    return str(node())


def _nginx(setting: Setting) -> Command:
    changes = {**setting.addresses, "listen 8080;": f"listen 127.0.0.1:{setting.port};"}
    setting.write("keyledger.conf", configuration("nginx", "nginx", changes))
    main = setting.write("nginx.conf", _NGINX.format(folder=setting.folder))
    return ["-p", str(setting.folder), "-e", "stderr", "-c", str(main)]


def _caddy(setting: Setting) -> Command:
    changes = {**setting.addresses, "example.com {": f"http://127.0.0.1:{setting.port} {{"}
    text = "{\n\tadmin off\n}\n\n" + configuration("Caddy", "caddyfile", changes)
    return ["run", "--adapter", "caddyfile", "--config", str(setting.write("Caddyfile", text))]


def _traefik(setting: Setting) -> Command:
    path = setting.write("keyledger.yaml", configuration("Traefik", "yaml", setting.addresses, number=1))
    changes = {'":8080"': f"127.0.0.1:{setting.port}", "/etc/traefik/keyledger.yaml": str(path)}
    text = configuration("Traefik", "yaml", changes) + "global: { checkNewVersion: false, sendAnonymousUsage: false }\n"
    return [f"--configFile={setting.write('traefik.yaml', text)}"]


def _envoy(setting: Setting) -> Command:
    changes = {
        **setting.ids,
        "address: 0.0.0.0, port_value: 8080": f"address: 127.0.0.1, port_value: {setting.port}",
        "address: keyledger, port_value: 8000": f"address: 127.0.0.1, port_value: {setting.keyledger_port}",
        "address: mcp-server, port_value: 9000": f"address: 127.0.0.1, port_value: {setting.upstream_port}",
    }
    path = setting.write("envoy.yaml", configuration("Envoy", "yaml", changes))
    return ["--config-path", str(path), "--disable-hot-restart", "--concurrency", "1", "--log-level", "warning"]


def _haproxy(setting: Setting) -> Command:
    listener = {"127.0.0.1:8001": f"127.0.0.1:{free_port()}"}
    script = setting.write("keyledger.lua", configuration("HAProxy", "lua", listener))
    changes = {
        **setting.addresses,
        **listener,
        "bind :8080": f"bind 127.0.0.1:{setting.port}",
        "/etc/haproxy/keyledger.lua": str(script),
    }
    path = setting.write("haproxy.cfg", configuration("HAProxy", "haproxy", changes))
    return ["-db", "-f", str(path)]


def _python(section: str) -> Callable[[Setting], Command]:
    def configure(setting: Setting) -> Command:
        setting.write("application.py", configuration(section, "python", setting.ids))
        place = ["--host", "127.0.0.1", "--port", str(setting.port), "--app-dir", str(setting.folder)]
        return ["-m", "uvicorn", *place, "--ws", "none", "application:app"]

    return configure


def _express(setting: Setting) -> Command:
    assert setting.typescript_client is not None
    install(setting.typescript_client, setting.folder)
    changes = {**setting.ids, "app.listen(8080);": f'app.listen({setting.port}, "127.0.0.1");'}
    return [str(setting.write("application.mjs", configuration("Express", "js", changes)))]


PROGRAMS: Mapping[str, Program] = {
    "nginx": Program(_on_path("nginx"), "apt-get install nginx", _nginx),
    "Caddy": Program(_on_path("caddy"), "apt-get install caddy", _caddy),
    "Traefik": Program(_on_path("traefik"), "make gateways", _traefik),
    "Envoy": Program(_on_path("envoy"), "make gateways", _envoy),
    "HAProxy": Program(_on_path("haproxy"), "apt-get install haproxy", _haproxy),
    "Starlette": Program(_python_with("starlette"), "make test", _python("Starlette"), passes_on=False),
    "FastAPI": Program(_python_with("fastapi"), "make test", _python("FastAPI"), passes_on=False),
    "Litestar": Program(_python_with("litestar"), "make test", _python("Litestar"), passes_on=False),
    "Express": Program(_node, "make test, with access to an npm registry", _express, passes_on=False),
}


def path_of(name: str) -> str | None:
    """Return the path of the gateway's program, or of the program that runs an application, if it is installed."""
    return PROGRAMS[name].find()


def refuse_missing(name: str) -> None:
    """Skip the test if the program of a gateway is missing; in CI, fail."""
    if path_of(name) is None:
        stop_without(f"{name} is missing. Install it: {PROGRAMS[name].install}")


def new_setting(
    folder: Path, keyledger_port: int, upstream_port: int, mcp_id: str, gateway_key: str, typescript_client: Path | None
) -> Setting:
    folder.mkdir()
    return Setting(free_port(), keyledger_port, upstream_port, mcp_id, gateway_key, folder, typescript_client)


def configured(name: str, setting: Setting) -> Command:
    """Write the configuration of a gateway that is installed, and return the command that starts it."""
    program = path_of(name)
    assert program is not None
    return [program, *PROGRAMS[name].configure(setting)]


@contextmanager
def running(name: str, setting: Setting, command: Command) -> Generator[Gateway]:
    """Start a gateway, and end it with all its processes."""
    environment = {
        **inherited_environment(),
        "HOME": str(setting.folder),
        "XDG_DATA_HOME": str(setting.folder),
        "XDG_CONFIG_HOME": str(setting.folder),
        "PYTHONPATH": os.pathsep.join([str(ROOT / "clients/python/src"), os.environ.get("PYTHONPATH", "")]),
        "KEYLEDGER_URL": f"http://127.0.0.1:{setting.keyledger_port}",
        "KEYLEDGER_GATEWAY_KEY": setting.gateway_key,
    }
    log = setting.folder / "output.log"
    url = f"http://127.0.0.1:{setting.port}"
    with log.open("ab") as output:
        process = subprocess.Popen(
            command, cwd=setting.folder, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait(process, url, log)
        yield Gateway(name, url, PROGRAMS[name].passes_on)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    """Return when the gateway refuses a request, which shows that it has read its configuration."""
    began = time.monotonic()
    while True:
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < began + stretched(10), log.read_text()
        try:
            if httpx2.get(url, timeout=10).status_code in _REFUSALS:
                return
        except httpx2.TransportError:
            pass
        time.sleep(0.1)
