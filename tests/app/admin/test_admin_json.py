"""JSON output of `python -m app admin`, and the confirmation that `python -m app demo` needs next to other data."""

import asyncio
import base64
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from app.admin.organizations import create_organization
from domain.plans.plan import PLANS
from infrastructure.database.connections import WORKER_ROLE, pool
from projections.commands import commands_on
from tests.programs import run_program
from tests.terminals import on_terminal
from tests.waiting import GENEROUS_TIMEOUTS


@pytest.fixture
def environment(database_url: str) -> dict[str, str]:
    return {
        "DATABASE_URL": database_url,
        "KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode(),
        "KEYLEDGER_EGRESS_ALLOW": "127.0.0.0/8",
    }


async def _create_organization(database_url: str) -> None:
    async with pool(database_url, role=WORKER_ROLE, timeouts=GENEROUS_TIMEOUTS) as connections:
        await create_organization(commands_on(connections), PLANS, "Acme", "acme", "team", "owner@acme.example")


def _run(environment: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    return run_program("app", *words, environment=environment)


def _document(environment: dict[str, str], *words: str) -> dict[str, Any]:
    ran = _run(environment, "admin", *words, "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


def test_every_command_prints_one_document(environment: dict[str, str]) -> None:
    email = "owner@example.com"
    created = _document(environment, "create-organization", "--name", "Acme", "--slug", "acme", "--owner-email", email)
    organization_id = created["organization_id"]
    assert (created["slug"], created["plan"], created["owner_id"][:5]) == ("acme", "free", "user_")
    changed = _document(environment, "change-plan", "--organization", "acme", "--plan", "team")
    assert changed == {"organization_id": organization_id, "plan": "team"}
    made = _document(environment, "create-management-key", "--organization", "acme")
    assert (set(made), made["key_id"][:4], made["secret"][:8]) == ({"key_id", "secret"}, "key_", "pk_live_")
    assert _document(environment, "list-organizations")["organizations"] == [
        {
            "organization_id": organization_id,
            "slug": "acme",
            "plan": "team",
            "team_members": 1,
            "api_keys": 1,
            "mcps": 0,
            "name": "Acme",
        }
    ]
    assert "/sign-in" in _document(environment, "sign-in-link", "--email", email)["link"]
    assert _document(environment, "list-sign-in-failures") == {"failures": []}
    table = on_terminal(["app", "admin", "list-organizations"], environment)
    assert table.code == 0
    assert "┃ id " in table.text
    first, rest = organization_id[:4], organization_id[-4:]
    assert first in table.text
    assert rest in table.text, "an id is wrapped, never truncated"
    assert "…" not in table.text


def test_a_demo_next_to_other_organizations_must_be_confirmed(
    environment: dict[str, str], database_url: str, tmp_path: Path
) -> None:
    words = ("demo", "--to", str(tmp_path), "--mcp-url", "http://127.0.0.1:9/mcp")
    assert _run(environment, *words).returncode == 0
    (tmp_path / "demo.env").unlink()
    assert _run(environment, *words).returncode == 0, "the existing demo needs no confirmation"
    (tmp_path / "demo.env").unlink()
    asyncio.run(_create_organization(database_url))
    refused = _run(environment, *words)
    assert (refused.returncode, refused.stdout, len(refused.stderr.splitlines())) == (2, "", 1)
    assert refused.stderr.endswith("Nothing was changed. Add --yes to confirm.\n")
    assert list(tmp_path.iterdir()) == []
    declined = on_terminal(["app", *words], environment, typed="n\n")
    assert declined.code == 1
    assert list(tmp_path.iterdir()) == []
    assert _run(environment, *words, "--yes").returncode == 0
    assert (tmp_path / "demo.env").exists()
