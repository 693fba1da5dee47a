"""The rule for secret scanners: the very regex of the file finds every key and nothing that only resembles one."""

import importlib
import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.environment import Environment
from domain.secret import ENTROPY_BYTES, generate
from tests.random_input import random_bytes

_FILE = Path(__file__).parents[2] / "clients/secret-scanning/gitleaks.toml"
(RULE,) = tomllib.loads(_FILE.read_text("utf-8"))["rules"]
# gitleaks is written in Go, whose regular expressions are RE2; other scanners use engines like Python's.
ENGINES: dict[str, Any] = {"re2": importlib.import_module("re2"), "re": re}


@pytest.fixture(params=ENGINES, autouse=True)
def _engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "chosen", ENGINES[request.param])


def _found(text: str) -> list[str]:
    """What gitleaks would report: a keyword, which it looks for regardless of case, and then the regex."""
    if not any(keyword in text.lower() for keyword in RULE["keywords"]):
        return []
    return [match[RULE["secretGroup"]] for match in ENGINES["chosen"].finditer(RULE["regex"], text)]


def _minted(environment: Environment = "live") -> str:
    return generate(environment, random_bytes(ENTROPY_BYTES)).reveal()


@pytest.mark.parametrize("environment", ["live", "test"])
def test_every_minted_key_is_found(environment: Environment) -> None:
    for _ in range(500):
        key = _minted(environment)
        assert _found(f"KEY={key}\n") == [key]


@pytest.mark.parametrize(
    "around",
    ["{}", '"{}"', "'{}',", "Bearer {}", "https://h/?key={}&x", "key: {}\n", "({})", "`{}`.", "<a>{}</a>", "é{}"[1:]],
)
def test_a_key_is_found_wherever_it_stands(around: str) -> None:
    key = _minted()
    assert _found(around.format(key)) == [key]


def test_all_keys_of_a_file_are_found() -> None:
    keys = [_minted(), _minted("test"), _minted()]
    assert _found("\n".join(keys)) == keys


SPOILT: list[Callable[[str], str]] = [
    lambda key: key[:-1],
    lambda key: key + "0",
    lambda key: "x" + key,
    lambda key: key + "_more",
    lambda key: key.replace("live", "prod"),
    lambda key: key.replace("pk_", "sk_"),
    lambda key: key.upper(),
    lambda key: key[:20] + "-" + key[21:],
    lambda key: key[:12] + "…" + key[-4:],
    lambda key: key[:20] + "\n" + key[20:],
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_what_only_resembles_a_key_is_not(spoil: Callable[[str], str]) -> None:
    assert _found(spoil(_minted())) == []


def test_the_rule_is_whole() -> None:
    assert RULE["id"] == "keyledger-api-key"
    assert RULE["description"]
    assert "allowlist" not in RULE
    assert "allowlists" not in RULE
    assert ENGINES["chosen"].compile(RULE["regex"]).groups == 1
