"""Random input of tests comes from the seed of the run (tests/random_input.py)."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
UNSEEDED = {
    "secrets": None,  # every function
    "uuid": {"uuid1", "uuid4", "uuid6", "uuid7"},
    "os": {"urandom", "getrandom"},
    "random": {"SystemRandom"},
}


def unseeded(source: str) -> Iterator[int]:
    """The lines of `source` that import or use a source of random values that no seed controls."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names) if any(alias.name == "secrets" for alias in names):
                yield node.lineno
            case ast.ImportFrom(module=str(module), names=names) if module in UNSEEDED:
                functions = UNSEEDED[module]
                if functions is None or functions & {alias.name for alias in names}:
                    yield node.lineno
            case ast.Attribute(value=ast.Name(id=module), attr=name) if module in UNSEEDED:
                functions = UNSEEDED[module]
                if functions is not None and name in functions:
                    yield node.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id="random"), attr="Random"), args=[]):
                yield node.lineno
            case _:
                pass


def test_no_test_draws_from_a_source_without_a_seed() -> None:
    found = [
        f"{path.relative_to(TESTS)}:{line}"
        for path in sorted(TESTS.rglob("*.py"))
        for line in unseeded(path.read_text())
    ]
    assert found == [], "draw from tests.random_input instead"


@pytest.mark.parametrize(
    "source",
    [
        "import secrets",
        "from secrets import token_hex",
        "from uuid import UUID, uuid4",
        "import uuid\nuuid.uuid4()",
        "import os\nos.urandom(4)",
        "from random import SystemRandom",
        "import random\nrandom.Random().random()",
    ],
)
def test_an_unseeded_source_is_detected(source: str) -> None:
    assert list(unseeded(source))


@pytest.mark.parametrize(
    "source", ["import random\nrandom.Random(7)", "import os\nos.getpid()", "from uuid import UUID"]
)
def test_a_seeded_source_is_accepted(source: str) -> None:
    assert list(unseeded(source)) == []
