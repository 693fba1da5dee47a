"""Every refusal has a code that the API declares, with one status."""

import ast
from collections.abc import Iterator
from typing import get_args

from app.http.error_catalogue import ERRORS
from domain.keys.errors import LastActiveKey
from domain.mcps.errors import McpNotFound
from domain.organizations.errors import OrganizationNotFound
from domain.refusal import Refusal
from domain.usage.events import Code
from gateway.errors import GatewayError
from tests.architecture.conftest import modules


def descendants(base: type) -> Iterator[type]:
    for child in base.__subclasses__():
        yield child
        yield from descendants(child)


def test_every_refusal_of_the_domain_has_a_declared_code() -> None:
    kinds = [Refusal, *descendants(Refusal)]
    assert {LastActiveKey, McpNotFound, OrganizationNotFound} <= set(kinds)
    assert {kind.code for kind in kinds if issubclass(kind, Refusal)} <= set(ERRORS)


def test_every_decision_has_a_declared_code() -> None:
    codes = {code for literal in get_args(Code) for code in (get_args(literal) or (literal,))}
    assert codes - {"valid"} <= set(ERRORS)


def test_every_gateway_error_has_a_declared_code_with_the_same_status() -> None:
    kinds = [kind for kind in descendants(GatewayError) if issubclass(kind, GatewayError)]
    assert kinds
    assert {(kind.code, kind.http_status) for kind in kinds} <= {(code, known.status) for code, known in ERRORS.items()}


def test_every_code_is_explained_in_full_sentences() -> None:
    for code, known in ERRORS.items():
        assert known.title, code
        for text in (known.meaning, known.cause, known.remedy):
            assert text.endswith("."), code
            assert text.count("`") % 2 == 0, code


def test_routes_reject_fields_in_one_way() -> None:
    """`invalid` of `app/http/errors.py` creates every 422 that is not a refusal of the domain."""
    found = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Problem" and node.args
        if isinstance(code := node.args[0], ast.Constant) and code.value == "validation_error"
    }
    assert found == {"app/http/errors.py"}
