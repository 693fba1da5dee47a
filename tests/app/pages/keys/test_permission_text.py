"""The sentence about the permissions of a key."""

import pytest

from app.api.api_keys.schemas import GrantedPermissions
from app.pages.keys.permission_text import Text, permission_text, plain
from app.pages.wording.words import GRANTS
from domain.grants import GRANTS as ALL_GRANTS
from domain.keys.permissions import ToolRule

NAMES = {"g": "GitHub", "j": "Jira", "p": "Postgres"}
NO_MANAGEMENT = " Can't manage anything."


def sentence(permissions: GrantedPermissions, names: dict[str, str] = NAMES) -> str:
    return plain(permission_text(permissions, names, "live"))


@pytest.mark.parametrize(
    ("mcps", "tools", "expected"),
    [
        ((), {}, "Can't call any tools."),
        ("*", {}, "Can call all tools of all live MCP servers, including servers added later."),
        (
            "*",
            {"p": ToolRule(("get_*",), ("get_secret",)), "g": ToolRule(None, ("delete_*",))},
            (
                "Can call all tools of all live MCP servers, including servers added later, but on Postgres only tools "
                "that match `get_*` but not `get_secret`; on GitHub all tools except those that match `delete_*`."
            ),
        ),
        (("g",), {}, "Can call all GitHub tools."),
        (("g", "j"), {}, "Can call all GitHub and Jira tools."),
        (("g", "j", "p"), {}, "Can call all GitHub, Jira and Postgres tools."),
        (
            ("g", "j", "p"),
            {"p": ToolRule(("get_*",), ("delete_*",))},
            "Can call all GitHub and Jira tools, and Postgres tools that match `get_*` but not `delete_*`.",
        ),
        (("p",), {"p": ToolRule(("add",))}, "Can call the Postgres tool `add`."),
        (("p",), {"p": ToolRule(("add", "sub", "mul"))}, "Can call the Postgres tools `add`, `sub` and `mul`."),
        (("p",), {"p": ToolRule(("add", "get_*"))}, "Can call Postgres tools that match `add` or `get_*`."),
        (("p",), {"p": ToolRule(None, ("drop",))}, "Can call all Postgres tools except `drop`."),
        (("p",), {"p": ToolRule(())}, "Can call no Postgres tools."),
        (("p",), {"p": ToolRule()}, "Can call all Postgres tools."),
        (("g", "gone"), {}, "Can call all GitHub and a deleted server tools."),
    ],
)
def test_the_sentence_names_servers_tools_and_patterns(mcps: str, tools: dict[str, ToolRule], expected: str) -> None:
    assert sentence(GrantedPermissions(mcps, tools, ())) == expected + NO_MANAGEMENT  # pyright: ignore[reportArgumentType]


def test_many_servers_and_patterns_are_counted() -> None:
    names = {f"m{number}": f"Server {number}" for number in range(9)}
    assert sentence(GrantedPermissions(tuple(names), {}, ()), names) == (
        "Can call all tools of Server 0, Server 1, Server 2, Server 3, Server 4 and 4 other servers." + NO_MANAGEMENT
    )
    rules = {mcp_id: ToolRule(("get_*",)) for mcp_id in names}
    limited = sentence(GrantedPermissions(tuple(names), rules, ()), names)
    assert limited.startswith("Can call Server 0 tools that match `get_*`, Server 1 tools")
    assert limited.endswith(", and 4 more limited servers." + NO_MANAGEMENT)
    rule = ToolRule(tuple(f"t{number}" for number in range(20)))
    assert "`t6` and 13 others" in sentence(GrantedPermissions(("p",), {"p": rule}, ()))


def test_management_grants_are_spelled_out() -> None:
    permissions = GrantedPermissions((), {}, ("keys:read", "usage:read"))
    assert sentence(permissions) == "Can't call any tools. Can see all keys and see usage."


def test_every_grant_has_a_wording() -> None:
    assert GRANTS.keys() == set(ALL_GRANTS)


def test_only_names_of_tools_and_patterns_are_code() -> None:
    """Names of servers are text that people entered."""
    parts = permission_text(GrantedPermissions(("x",), {"x": ToolRule(("a*",))}, ()), {"x": "`b`"}, "live")
    assert parts[:2] == (Text("Can call `b` tools that match "), Text("a*", is_code=True))
