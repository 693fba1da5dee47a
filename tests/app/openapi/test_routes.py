"""The declarations of routes: all are listed, and each is complete."""

import importlib
from pathlib import Path

import pytest

from app.openapi.errors import codes_of
from app.openapi.introduction import TAGS
from app.route import Route
from app.routes import ROUTES
from tests.app.serving import ROOT


def declared_in(folder: Path) -> list[Route]:
    """Return the routes that are declared in the modules of a folder."""
    modules = [
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        for path in sorted(folder.rglob("*.py"))
        if path.name != "__init__.py"
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Route) and value.handler.__module__ == module.__name__
    ]


def test_every_declared_route_is_listed_once() -> None:
    declared = [*declared_in(ROOT / "app/api"), *declared_in(ROOT / "app/pages")]
    assert sorted(route.id for route in declared) == sorted(route.id for route in ROUTES)
    assert len({route.target for route in ROUTES}) == len(ROUTES)


def test_ids_are_unique() -> None:
    ids = [route.id for route in ROUTES]
    assert len(ids) == len(set(ids))


def test_a_route_belongs_to_a_section_of_the_reference(subtests: pytest.Subtests) -> None:
    for route in ROUTES:
        with subtests.test(route.id):
            assert route.tag in {tag["name"] for tag in TAGS}


def test_a_route_has_a_summary_and_a_description(subtests: pytest.Subtests) -> None:
    for route in ROUTES:
        with subtests.test(route.id):
            assert route.summary[0].isupper()
            assert not route.summary.endswith(".")
            assert route.description.endswith(".")


def test_a_route_that_requires_a_credential_can_refuse_it(subtests: pytest.Subtests) -> None:
    for route in ROUTES:
        with subtests.test(route.id):
            assert route.access == "anyone" or {"unauthorized", "forbidden"} <= set(codes_of(route))


def test_a_post_can_be_repeated_or_records_every_request(subtests: pytest.Subtests) -> None:
    """An identification changes nothing. Like each use of a key, each one is recorded, repeated or not."""
    for route in ROUTES:
        with subtests.test(route.id):
            if route.method == "POST" and route.access not in {"anyone", "any key", "keys:verify"}:
                assert route.idempotent or route.id == "identify_key"


def test_the_handler_of_a_route_is_named_after_its_file(subtests: pytest.Subtests) -> None:
    """One verb per operation: `create.py` declares `create_…`. Files named after a noun or a state are exceptions."""
    verbs = {
        "acknowledge",
        "create",
        "delete",
        "disable",
        "enable",
        "get",
        "list",
        "revoke",
        "rotate",
        "test",
        "update",
    }
    for route in ROUTES:
        stem = route.handler.__module__.rpartition(".")[2]
        with subtests.test(route.id):
            assert stem not in verbs or route.id.startswith(f"{stem}_") or (stem, route.id) == ("revoke", "delete_key")
