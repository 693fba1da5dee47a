"""The examples in the README of the TypeScript client, executed as printed."""

import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx2
import pytest

from tests.app.organizations import Api, Organization
from tests.clients.typescript.compiler import compile_errors
from tests.clients.typescript.installation import PACKAGE
from tests.ports import free_port
from tests.waiting import eventually, stretched

_README = (PACKAGE / "README.md").read_text("utf-8")
_EXAMPLES: dict[str, str] = dict(
    zip(
        ("client", "express", "fetch", "hono"),
        re.findall(r"^```ts\n(.*?)^```$", _README, re.MULTILINE | re.DOTALL),
        strict=True,
    )
)

Run = Callable[..., str]


@pytest.fixture
def environment(api: Api, org: Organization) -> dict[str, str]:
    keys = dict.fromkeys(["KEYLEDGER_ADMIN_KEY", "KEYLEDGER_GATEWAY_KEY"], org.manager.secret)
    return {**os.environ, "KEYLEDGER_URL": api.url, **keys}


@pytest.fixture
def run(node: Path, project: Path, environment: dict[str, str]) -> Run:
    """Run an example, followed by statements that use it, and return the output."""

    def ran(name: str, after: str = "", **variables: str) -> str:
        completed = subprocess.run(
            [node, _written(project, name, after)],
            cwd=project,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=stretched(60),
            check=False,
        )
        assert completed.returncode == 0, completed.stderr
        return completed.stdout

    return ran


@pytest.fixture
def express(node: Path, project: Path, environment: dict[str, str]) -> Iterator[str]:
    """The URL of the example with Express."""
    port = str(free_port())
    program = _written(project, "express", "")
    with subprocess.Popen([node, program], cwd=project, env={**environment, "PORT": port}) as process:
        url = f"http://127.0.0.1:{port}"
        try:
            eventually(lambda: _answers(f"{url}/health"))
            yield url
        finally:
            process.kill()


def _written(project: Path, name: str, after: str) -> Path:
    file = project / f"readme_{name}.mjs"
    file.write_text(_EXAMPLES[name] + after, "utf-8")
    return file


def _answers(url: str) -> bool:
    try:
        return httpx2.get(url).text == "ok"
    except httpx2.TransportError:
        return False


def test_the_readme_names_the_archive_that_npm_makes(packed: Path) -> None:
    assert f"npm install path/to/{packed.name}\n" in _README


def test_the_client_example_runs(run: Run, org: Organization) -> None:
    printed = run("client").splitlines()
    assert (printed[0], printed[-1]) == ("true", "revoked_key")
    assert "My agent" in printed[1:-1]
    (key,) = (key for key in org.client.get("/v1/api-keys").data if key["name"] == "My agent")
    assert key["status"] == "revoked"


def test_the_express_example_requires_a_key(express: str, org: Organization) -> None:
    key = org.key(name="My agent")
    admitted = httpx2.get(express, headers={"Authorization": f"Bearer {key.secret}"})
    assert (admitted.status_code, admitted.text) == (200, "My agent")
    org.client.delete(key.path)
    assert httpx2.get(express, headers={"X-API-Key": key.secret}).status_code == 401
    assert httpx2.get(express).status_code == 401


@pytest.mark.parametrize(
    ("name", "request_to"), [("fetch", "GET(new Request('http://x/', {}))"), ("hono", "app.request('/', {})")]
)
def test_the_examples_with_web_standard_requests_require_a_key(
    run: Run, org: Organization, name: str, request_to: str
) -> None:
    key = org.key(name="My agent")
    with_key = request_to.replace("{}", "{ headers: { 'X-API-Key': process.env.KEY } }")
    after = f"""
const responses = [await {with_key}, await {request_to}];
console.log(responses[0].status, (await responses[0].json()).name, responses[1].status);
"""
    assert run(name, after, KEY=key.secret) == "200 My agent 401\n"


def test_the_examples_are_typed(project: Path) -> None:
    files = [project / f"readme_{name}.ts" for name in _EXAMPLES]
    for file, example in zip(files, _EXAMPLES.values(), strict=True):
        file.write_text(example, "utf-8")
    # process.env.NAME is what most programs write.
    assert compile_errors(project, *files, noPropertyAccessFromIndexSignature=False) == ""
