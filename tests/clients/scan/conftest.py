"""The command `keyledger scan`, with and without a service."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.clients.command import Ran, run_command
from tests.clients.conftest import api, org, run, started_apis

__all__ = ["api", "org", "run", "started_apis"]

Scan = Callable[..., tuple[Ran, list[Any]]]


@pytest.fixture
def scan(tmp_path: Path) -> Scan:
    """Run `keyledger scan --offline --json`, and return the process and its findings. No output contains a key."""

    def scanned(*arguments: str, code: int | None = None, stdin: str = "", **env: str) -> tuple[Ran, list[Any]]:
        ran = run_command("scan", "--offline", "--json", *arguments, env={"HOME": str(tmp_path), **env}, stdin=stdin)
        findings = [json.loads(line) for line in ran.stdout.splitlines()]
        assert ran.returncode == (bool(findings) if code is None else code), ran.stderr
        assert "Traceback" not in ran.stderr
        return ran, findings

    return scanned
