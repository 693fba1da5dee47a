"""Thousands of valid and invalid requests that schemathesis generates from the document for a running server.

The document must describe every response. Valid requests must be accepted and invalid ones refused. schemathesis runs
as a separate program with a fixed seed.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.api.mcp.conftest import Upstream
from tests.app.organizations import Api, Organization
from tests.app.serving import ROOT

CONFIGURATION = Path(__file__).with_name("schemathesis.toml")


@pytest.mark.parametrize(("examples", "cases_at_least"), [(6, 2_000), pytest.param(90, 8_000, marks=pytest.mark.soak)])
def test_the_server_conforms_to_the_document(
    api: Api,
    upstream: Upstream,
    record_property: Callable[[str, object], None],
    examples: int,
    cases_at_least: int,
) -> None:
    org = api.organization("enterprise")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KEY": org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS)).secret,
        "KEY_ID": org.key().id,
        "DOOMED_KEY_ID": org.key().id,
        "MCP_ID": org.mcp(endpoint_url=upstream.url),
        "DOOMED_MCP_ID": org.mcp(),
        "WEBHOOK_ID": webhook(org),
        "DOOMED_WEBHOOK_ID": webhook(org),
    }
    program = Path(sys.executable).with_name("schemathesis")
    run = subprocess.run(
        [
            *(program, "--config-file", CONFIGURATION, "run", f"{api.url}/schema/openapi.json", "--no-color"),
            *("--max-examples", str(examples)),
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=3_600,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    counted = re.search(r"(\d+) generated, (\d+) passed", run.stdout)
    assert counted, run.stdout
    record_property("schemathesis", f"{counted[1]} cases, {counted[2]} passed, none failed")
    assert int(counted[1]) > cases_at_least


def webhook(org: Organization) -> str:
    webhook_id: str = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data["id"]
    return webhook_id
