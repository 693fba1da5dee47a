"""A first `make run` that is killed, or whose demo parts fail. The next run completes it."""

from functools import partial
from pathlib import Path

from tests.ports import free_port
from tests.stories.running import READY, ROOT, Run, as_module, environment_of, key_ids, running

# In the order in which they are printed. The demo is killed while it runs, right after the API is ready.
_STAGES = (
    "Keyledger starts",
    "  postgresql   ready",
    "  valkey       ready",
    "  migrate      done",
    "  api          ready",
)


def test_a_first_run_that_is_killed_at_any_stage_is_completed_by_the_next_start(tmp_path: Path) -> None:
    home, port = tmp_path / "home", free_port()
    for words in _STAGES:
        run = Run(home, port, as_module(environment_of(home, port)))
        try:
            run.wait_for_line(words)
            run.process.kill()
        finally:
            run.close()
    with running(home, port) as run:
        assert len(key_ids(run)) == 2
        assert run.call_tool("add", numbers=[1, 2])[0] == 200


def test_the_service_runs_even_if_the_demo_and_the_example_server_fail(tmp_path: Path) -> None:
    """The example server exits immediately, and the demo is refused because loopback is not allowed."""
    (tmp_path / "examples" / "mcp_server").mkdir(parents=True)
    for package in ("examples", "examples/mcp_server"):
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "examples" / "mcp_server" / "__main__.py").write_text("raise SystemExit('no example today')")

    home, port = tmp_path / "home", free_port()
    changes = {"KEYLEDGER_EGRESS_ALLOW": "192.0.2.0/24", "PYTHONPATH": str(ROOT)}
    with running(home, port, changes, partial(as_module, folder=tmp_path)) as run:
        assert run.get("/health/live")[0] == 200
        output = "\n".join(run.lines)
        assert "example-mcp stopped (exit code 1)" in output
        assert "no example today" in output
        assert "The demo organization was not made" in output
        assert run.process.poll() is None
    with running(home, port) as run:
        assert any(READY in line for line in run.lines)
        assert len(key_ids(run)) == 2
