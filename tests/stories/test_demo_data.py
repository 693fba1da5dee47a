"""`make demo-data` on the data of `make run`: the owner signs in with the printed link and sees the keys."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.app.browser import browser
from tests.ports import free_port
from tests.stories.running import ROOT, environment_of, running
from tests.waiting import stretched


def _demo_data(environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    words = [sys.executable, "-m", "embedded", "demo-data"]
    return subprocess.run(
        words, cwd=ROOT, env=dict(environment), capture_output=True, text=True, timeout=stretched(600), check=False
    )


def test_the_owner_of_the_demo_data_signs_in_with_the_printed_link(tmp_path: Path) -> None:
    home, port = tmp_path / ".keyledger", free_port()
    environment = environment_of(home, port)
    made = _demo_data(environment)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "16 members, 8 MCP servers, 300 keys" in made.stdout
    (link,) = [line.strip() for line in made.stdout.splitlines() if "?token=" in line]
    with running(home, port) as run:
        with browser(f"http://127.0.0.1:{port}") as screen:
            screen.go(link)
            screen.send(screen.forms[0])
            assert screen.path == "/"
            assert "linnea.astrom@northwind.example" in screen.page.text
        refused = _demo_data(environment)
        assert refused.returncode == 1
        assert "already runs on the data folder" in refused.stderr
        assert run.credentials()["DEMO_MCP_ID"], "the small demo organization is there as well"
