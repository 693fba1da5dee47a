"""The operations of the document match the routes. A new route without an operation fails here."""

from typing import Any

import pytest

from app.application import DIRECT_ROUTES, ROUTES
from app.openapi.errors import codes_of
from app.openapi.introduction import TAGS
from app.openapi.operation import plain_path
from app.openapi.operations import OPERATIONS


def routes_in(handlers: list[Any]) -> set[tuple[str, str]]:
    return {(str(m), plain_path(path)) for handler in handlers for path in handler.paths for m in handler.http_methods}


def test_every_route_has_an_operation_and_every_operation_a_route() -> None:
    """The exception is the pages for browsers, which programs do not request."""
    pages = [handler for handler in ROUTES if handler.fn.__module__.startswith("app.pages.")]
    described = {operation.key for operation in OPERATIONS}
    assert len(described) == len(OPERATIONS)
    assert described - routes_in(pages) == (routes_in(ROUTES) | set(DIRECT_ROUTES)) - routes_in(pages)
    about_the_api = {("GET", "/problems/{code}"), ("GET", "/schema"), ("GET", "/schema/style.css")}
    assert described & routes_in(pages) == about_the_api


def test_no_two_operations_have_the_same_id() -> None:
    ids = [operation.id for operation in OPERATIONS]
    assert len(ids) == len(set(ids))


def test_every_operation_has_a_tag_with_an_introduction(subtests: pytest.Subtests) -> None:
    for operation in OPERATIONS:
        with subtests.test(operation.id):
            assert operation.tag in {tag["name"] for tag in TAGS}


def test_every_operation_has_a_summary_and_a_description(subtests: pytest.Subtests) -> None:
    for operation in OPERATIONS:
        with subtests.test(operation.id):
            assert operation.summary[0].isupper()
            assert not operation.summary.endswith(".")
            assert operation.description.endswith(".")


def test_every_operation_that_requires_a_credential_can_return_401_and_403(subtests: pytest.Subtests) -> None:
    for operation in OPERATIONS:
        with subtests.test(operation.id):
            assert operation.access == "anyone" or {"unauthorized", "forbidden"} <= set(codes_of(operation))


def test_every_post_operation_is_repeatable_or_records_every_use(subtests: pytest.Subtests) -> None:
    for operation in OPERATIONS:
        with subtests.test(operation.id):
            if operation.method == "POST" and operation.access not in {"anyone", "any key", "keys:verify"}:
                assert operation.repeatable
