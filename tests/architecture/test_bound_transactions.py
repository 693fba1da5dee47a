"""What answers requests works in transactions that are bound to the caller's organization, or at the gate."""

import ast

from tests.architecture.conftest import modules

BARE = {
    "app/admin/links.py": "the operator's command line, in the workers' role",
    "app/admin/organizations.py": "likewise",
    "app/admin/demo.py": "makes the demo organization, in the same role",
    "app/observability/health/clock.py": "reads the clock of the database and no table",
    "app/observability/health/log_status.py": "reads migrations and the positions of read models, of no tenant",
}
"""Modules that take a connection as it comes from the pool, and why they may."""


def _calls() -> list[tuple[str, ast.Call]]:
    return [
        (name, node)
        for name, tree in modules()
        if name.startswith(("app/", "gateway/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_nobody_takes_a_connection_that_is_bound_to_nobody() -> None:
    """A route reads through `services.reading(organization_id)`, and changes through `app.commands.run_command`."""
    taking = {name for name, call in _calls() if ast.unparse(call.func).endswith("pool.connection")}
    assert taking == set(BARE)


def test_a_connection_of_its_own_is_bound_or_has_a_role() -> None:
    connecting = [(name, call) for name, call in _calls() if ast.unparse(call.func) == "connect"]
    assert connecting, "nobody connects any more: this test looks for the wrong word"
    for name, call in connecting:
        assert {keyword.arg for keyword in call.keywords} & {"organization_id", "role"}, name
