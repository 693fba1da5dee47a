"""The rule for secret scanners. Its regular expression finds every key, but no text that only resembles one."""

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
    """Return what gitleaks would report. It first searches for a keyword, ignoring case, and then uses the regex."""
    if not any(keyword in text.lower() for keyword in RULE["keywords"]):
        return []
    return [match[RULE["secretGroup"]] for match in ENGINES["chosen"].finditer(RULE["regex"], text)]


def _generated(environment: Environment = "live") -> str:
    return generate(environment, random_bytes(ENTROPY_BYTES)).reveal()


@pytest.mark.parametrize("environment", ["live", "test"])
def test_every_generated_key_is_found(environment: Environment) -> None:
    for _ in range(500):
        key = _generated(environment)
        assert _found(f"KEY={key}\n") == [key]


@pytest.mark.parametrize(
    "around",
    [
        "OLD_{}",
        "x{}",
        "{}_old",
        "{}-2",
        "%22{}%22",
        r"\n{}\n",
        r"\u0022{}\u0022",
        "/{}/",
        "{}",
        '"{}"',
        "'{}',",
        "Bearer {}",
        "https://h/?key={}&x",
        "key: {}\n",
        "({})",
        "`{}`.",
        "<a>{}</a>",
        "é{}"[1:],
    ],
)
def test_a_key_is_found_in_any_context(around: str) -> None:
    key = _generated()
    assert _found(around.format(key)) == [key]


def test_all_keys_in_a_file_are_found() -> None:
    keys = [_generated(), _generated("test"), _generated()]
    for between in ("\n", " ", ",", "_", "%20"):
        assert _found(between.join(keys)) == keys


SPOILT: list[Callable[[str], str]] = [
    lambda key: key[:-1],
    lambda key: key + "0",
    lambda key: key + "x",
    lambda key: key.replace("live", "prod"),
    lambda key: key.replace("pk_", "sk_"),
    lambda key: key.upper(),
    lambda key: key[:20] + "-" + key[21:],
    lambda key: key[:12] + "…" + key[-4:],
    lambda key: key[:20] + "\n" + key[20:],
]


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_text_that_only_resembles_a_key_is_not_found(spoil: Callable[[str], str]) -> None:
    assert _found(spoil(_generated())) == []


def test_the_rule_is_complete_and_has_no_exceptions() -> None:
    assert RULE["id"] == "keyledger-api-key"
    assert RULE["description"]
    assert "allowlist" not in RULE
    assert "allowlists" not in RULE
    assert ENGINES["chosen"].compile(RULE["regex"]).groups == 1
