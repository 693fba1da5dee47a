"""System actors are a closed list with one style of ids, because they appear in the audit log."""

import ast
import re

import msgspec
import pytest

from domain.actor import SYSTEM_ACTORS, Actor, SystemActor
from tests.architecture.conftest import ROOT, modules

READS_STORED_IDS = "app/api/organization/invitations/schemas.py"
"""Creates an actor from a stored id, which an older version may have written."""


def test_system_actors_are_declared_in_one_module() -> None:
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "SystemActor"
    }
    assert found == {"domain/actor.py", READS_STORED_IDS}


def test_ids_of_system_actors_are_unique_words_joined_by_underscores() -> None:
    ids = [actor.id for actor in SYSTEM_ACTORS]
    assert len(ids) == len(set(ids))
    assert [each for each in ids if not re.fullmatch(r"[a-z]+(_[a-z]+)*", each)] == []


def test_the_page_on_the_audit_log_lists_every_system_actor() -> None:
    page = (ROOT / "docs/audit-log.md").read_text(encoding="utf-8")
    section = page.partition("## System actors")[2].partition("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.MULTILINE) == ["id", *[actor.id for actor in SYSTEM_ACTORS]]


@pytest.mark.parametrize("old_id", ["mcp-health", "expiry-alerts", "quota-alerts"])
def test_a_stored_event_keeps_an_old_actor_id(old_id: str) -> None:
    stored = b'{"type":"system","id":"%s"}' % old_id.encode()
    assert msgspec.json.decode(stored, type=Actor) == SystemActor(old_id)
