"""Code that handles requests uses transactions bound to the caller's organization, or to the auth role."""

import ast

from tests.architecture.conftest import modules

BARE = {
    "app/admin/links.py": "operator commands, in the workers' role",
    "app/admin/organizations.py": "operator commands, in the workers' role",
    "app/admin/demo.py": "creates the demo organization, in the same role",
    "app/admin/demo_data/create.py": "creates the demo data, in the same role",
    "app/observability/health/clock.py": "reads the clock of the database and no table",
    "app/observability/health/log_status.py": "reads migrations and the positions of read models, not of tenants",
}
"""Modules that take a plain connection from the pool, and the reason."""


def _calls() -> list[tuple[str, ast.Call]]:
    return [
        (name, node)
        for name, tree in modules()
        if name.startswith(("app/", "gateway/"))
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
    ]


def test_no_module_takes_an_unbound_connection() -> None:
    """A route reads through `services.reading(organization_id)`, and changes through `app.commands.run_command`."""
    found = {name for name, call in _calls() if ast.unparse(call.func).endswith("pool.connection")}
    assert found == set(BARE)


def test_every_separate_connection_is_bound_or_has_a_role() -> None:
    calls = [(name, call) for name, call in _calls() if ast.unparse(call.func) == "connect"]
    assert calls, "no module calls `connect`: this test searches for the wrong name"
    for name, call in calls:
        assert {keyword.arg for keyword in call.keywords} & {"organization_id", "role"}, name
