"""A first `make run` that is killed, or whose demo parts fail. The next run completes it."""

import shutil
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from embedded.interpreter import PACKAGES
from tests.ports import free_port
from tests.stories.running import ROOT, Run, as_module, environment_of, key_ids, running

# In the order in which they are printed.
_STAGES_BEFORE_THE_DEMO = (
    "Keyledger starts",
    "  postgresql   ready",
    "  valkey       ready",
    "  migrate      done",
)
# The demo is killed while it runs, right after the API is ready.
_STAGE_OF_THE_DEMO = "  api          ready"


class WithoutDemo(NamedTuple):
    """A run whose example server exits immediately, and whose demo is refused because loopback is not allowed."""

    lines: list[str]
    status_of_api: int
    exit_code: int | None


class Completed(NamedTuple):
    """Runs that were killed at each stage, one without demo parts between them, and the run that completes them."""

    without_demo: WithoutDemo
    run: Run


@pytest.fixture(scope="module")
def completed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Completed]:
    home, port = tmp_path_factory.mktemp("interrupted") / "home", free_port()
    for stage in _STAGES_BEFORE_THE_DEMO:
        _kill_at(stage, home, port)
    without_demo = _run_without_demo(home, port)
    _kill_at(_STAGE_OF_THE_DEMO, home, port)
    with running(home, port) as run:
        yield Completed(without_demo, run)


def _kill_at(stage: str, home: Path, port: int) -> None:
    run = Run(home, port, as_module(environment_of(home, port)))
    try:
        run.wait_for_line(stage)
        run.process.kill()
    finally:
        run.close()


def _run_without_demo(home: Path, port: int) -> WithoutDemo:
    # Unlike the folders of pytest, every account can enter this one, so root does not have to copy it once more.
    with tempfile.TemporaryDirectory() as name:
        checkout = Path(name)
        checkout.chmod(0o755)
        shutil.copy(ROOT / "pyproject.toml", checkout)
        for package in PACKAGES:
            shutil.copytree(ROOT / package, checkout / package)
        (checkout / "examples" / "mcp_server" / "__main__.py").write_text("raise SystemExit('no example today')")
        changes = {"KEYLEDGER_EGRESS_ALLOW": "192.0.2.0/24"}
        with running(home, port, changes, partial(as_module, folder=checkout)) as run:
            return WithoutDemo(list(run.lines), run.get("/health/live")[0], run.process.poll())


def test_a_first_run_that_is_killed_at_any_stage_is_completed_by_the_next_start(completed: Completed) -> None:
    assert len(key_ids(completed.run)) == 2
    assert completed.run.call_tool("add", numbers=[1, 2])[0] == 200


def test_the_service_runs_even_if_the_demo_and_the_example_server_fail(completed: Completed) -> None:
    output = "\n".join(completed.without_demo.lines)
    assert completed.without_demo.status_of_api == 200
    assert completed.without_demo.exit_code is None
    assert "example-mcp stopped (exit code 1)" in output
    assert "no example today" in output
    assert "The demo organization was not made" in output


def test_a_demo_that_failed_is_made_by_the_next_start(completed: Completed) -> None:
    assert (completed.run.home / "demo.env").exists()
    assert len(key_ids(completed.run)) == 2
