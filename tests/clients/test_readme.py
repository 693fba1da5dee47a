"""The examples in the client's README, executed unchanged."""

import asyncio
import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.app.organizations import Api, Organization

_PACKAGE = Path(__file__).parents[2] / "clients/python"
_README = (_PACKAGE / "README.md").read_text("utf-8")
_CLIENT, _MIDDLEWARE, _LITESTAR = re.findall(r"^```python\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)
_ROOT_README = (_PACKAGE.parents[1] / "README.md").read_text("utf-8")
(_ROOT_EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", _ROOT_README, re.MULTILINE | re.DOTALL)
(_CONSOLE,) = re.findall(r"^```console\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL)


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, api: Api, org: Organization) -> None:
    monkeypatch.setenv("KEYLEDGER_URL", api.url)
    for name in ("KEYLEDGER_ADMIN_KEY", "KEYLEDGER_GATEWAY_KEY"):
        monkeypatch.setenv(name, org.manager.secret)


def test_the_client_example_runs(org: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _executed(_CLIENT, tmp_path, monkeypatch)
    assert "My agent" in done.names
    assert org.client.get(f"/v1/api-keys/{done.created.id}").data["status"] == "revoked"


def test_the_example_in_the_root_readme_runs(
    api: Api, org: Organization, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = f"management_key, mcp_id = {org.manager.secret!r}, {org.mcp()!r}\n"
    example = given + _ROOT_EXAMPLE.replace("http://127.0.0.1:8000", api.url)
    assert _executed(example, tmp_path, monkeypatch).created.name == "My agent"


@pytest.mark.parametrize("example", [_MIDDLEWARE, _LITESTAR])
def test_the_application_examples_require_a_key(
    org: Organization, example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = _executed(example, tmp_path, monkeypatch)
    key = org.key(name="My agent")

    async def answers() -> list[tuple[int, str]]:
        transport = httpx2.ASGITransport(done.app)
        async with done.client, httpx2.AsyncClient(transport=transport, base_url="http://app") as http:
            with_key = await http.get("/", headers={"X-API-Key": key.secret})
            without = await http.get("/")
            return [(with_key.status_code, with_key.text), (without.status_code, "")]

    assert asyncio.run(answers()) == [(200, "My agent"), (401, "")]


def test_the_command_line_example_runs(tmp_path: Path) -> None:
    commands = [line[2:] for line in _CONSOLE.splitlines() if not line.startswith("$ export ")]
    assert commands
    script = "\n".join([f'keyledger() {{ "{sys.executable}" -m keyledger "$@"; }}', *commands])
    ran = subprocess.run(
        ["bash", "-eu", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(_PACKAGE / "src")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "well formed" in ran.stdout


def _executed(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 -- a module
    """Execute the example as a module, and return the module."""
    file = folder / "readme_example.py"
    file.write_text(example, "utf-8")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, file.stem, module)
    spec.loader.exec_module(module)
    return module
