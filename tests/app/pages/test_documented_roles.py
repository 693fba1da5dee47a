"""The table of pages in docs/dashboard.md names the roles that may open each page."""

import re
from pathlib import Path

import pytest

from app.pages.frame.navigation import ENTRIES
from app.routes import DASHBOARD
from domain.grants import GRANTS
from domain.members.events import Role
from domain.members.roles import ROLES, grants_of

_TABLE = (Path(__file__).parents[3] / "docs/dashboard.md").read_text("utf-8").partition("\n## Addresses")[0]
_ROWS = re.findall(r"^\| `(/\S*)` \| .* \| (.+) \|$", _TABLE, re.MULTILINE)
_ACCESS = {page.path: page.access for page in DASHBOARD if page.method == "GET"}


def _documented() -> dict[str, set[Role]]:
    """Return the roles of each page of the table. "the same" are those of the row above."""
    found: dict[str, set[Role]] = {}
    last: set[Role] = set()
    for path, text in _ROWS:
        named: set[Role] = {role for role in ROLES if re.search(rf"\b{role}\b", text)}
        last = set(ROLES) if "every role" in text else named or last
        found[path] = last
    return found


def test_the_table_has_every_page_of_the_sidebar() -> None:
    assert {entry.path for entry in ENTRIES} <= set(_documented())


@pytest.mark.parametrize("path", _documented())
def test_a_documented_role_is_one_that_may_open_the_page(path: str) -> None:
    access = _ACCESS[path]
    admitted = {role for role in ROLES if access not in GRANTS or access in grants_of(role)}
    assert _documented()[path] == admitted


def test_alerts_are_opened_by_the_roles_that_the_api_gives_them_to() -> None:
    """Members and auditors get no page that the API refuses them."""
    (entry,) = [each for each in ENTRIES if each.path == "/alerts"]
    assert entry.access == _ACCESS["/alerts"] == _ACCESS["/alerts/{alert_id}"] == "alerts:read"
    assert {role for role in ROLES if "alerts:read" in grants_of(role)} == {"admin", "owner"}
