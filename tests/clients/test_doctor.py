"""Diagnosis of malformed keys, which are not sent anywhere."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.secret import ENTROPY_BYTES, generate, parse
from keyledger import Secret, flaw_of

_SOURCE = Path(__file__).parents[2] / "clients/python/src"
_HERMETIC = """
import sys
def refuse(event, arguments):
    if event.startswith("socket."):
        raise SystemExit(f"opened a socket: {event}")
sys.addaudithook(refuse)
from keyledger.cli.main import main
sys.exit(main(["doctor", *sys.argv[1:]]))
"""
KEY = generate("live", b"\x07" * ENTROPY_BYTES).reveal()


def _swap(key: str, place: int) -> str:
    return key[:place] + key[place + 1] + key[place] + key[place + 2 :]


FLAWS: list[tuple[str, Callable[[str], str], str, str]] = [
    ("empty", lambda _: "", "empty", "variable"),
    ("line end", lambda key: key + "\n", "extra_text", "whitespace"),
    ("quotes", lambda key: f'"{key}"', "extra_text", "quotation"),
    ("header", lambda key: f"Bearer {key}", "extra_text", "Authorization"),
    ("capitals", lambda key: key.replace("pk_live_", "PK_LIVE_"), "prefix", "lower case"),
    ("other kind", lambda key: key.replace("pk_live_", "pk_prod_"), "prefix", "live_ or test_"),
    ("id", lambda _: "key_01jdz5h8w9e0rb1x2y3z4a5b6c", "prefix", "id"),
    ("something else", lambda _: "ghp_abc", "prefix", "something else"),
    ("cut", lambda key: key[:-3], "length", "3 too few"),
    ("twice", lambda key: key + key, "length", "40 too many"),
    ("shortened", lambda key: key[:12] + "…" + key[-4:], "length", "shortened"),
    ("hyphen", lambda key: key[:20] + "-" + key[21:], "alphabet", "character 21"),
    ("not ascii", lambda key: key[:20] + "é" + key[21:], "alphabet", "character 21"),
    ("mistyped", lambda key: key[:20] + ("a" if key[20] != "a" else "b") + key[21:], "checksum", "mistyped"),
    ("swapped", lambda key: _swap(key, 20), "checksum", "21 and 22"),
    ("changed prefix", lambda key: key.replace("live", "test"), "checksum", "pk_live_"),
]


@pytest.mark.parametrize(("spoil", "part", "hint"), [flaw[1:] for flaw in FLAWS], ids=[flaw[0] for flaw in FLAWS])
def test_each_flaw_is_reported_with_a_hint_that_does_not_quote_the_key(
    spoil: Callable[[str], str], part: str, hint: str
) -> None:
    key = next(k for k in _keys() if spoil(k) != k)
    flaw = flaw_of(spoil(key))
    assert flaw is not None
    assert flaw.part == part
    assert hint in flaw.hint
    assert key[8:20] not in flaw.hint
    assert parse(spoil(key)) is None


def test_generated_and_altered_keys_get_the_same_result_as_from_the_service() -> None:
    for key in _keys():
        assert flaw_of(Secret(key)) is None
        for place in range(len(key)):
            other = key[:place] + ("0" if key[place] != "0" else "1") + key[place + 1 :]
            assert (flaw_of(other) is None) is (parse(other) is not None)


@pytest.mark.parametrize("given", ["argument", "stdin"])
@pytest.mark.parametrize(("key", "code"), [(KEY, 0), (KEY[:-1] + "-", 1)])
def test_no_socket_is_opened(given: str, key: str, code: int) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _HERMETIC, *(["-"] if given == "stdin" else [key]), "--json"],
        input=key + "\n" if given == "stdin" else "",
        env={**os.environ, "PYTHONPATH": str(_SOURCE), "KEYLEDGER_URL": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ran.returncode == code, ran.stderr
    assert json.loads(ran.stdout)["well_formed"] is (code == 0)
    assert key not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "content", [f"KEYLEDGER_ADMIN_KEY={KEY}\n".encode(), f"{KEY}\r\n".encode("utf-16"), f'export A="{KEY}"'.encode()]
)
def test_the_same_files_are_read_as_by_other_commands(content: bytes) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _HERMETIC, "-"],
        input=content,
        env={**os.environ, "PYTHONPATH": str(_SOURCE)},
        capture_output=True,
        timeout=30,
        check=False,
    )
    assert (ran.returncode, b"The key is well formed" in ran.stdout) == (0, True), ran.stderr


def test_the_audit_hook_detects_a_socket() -> None:
    """A check of the test above."""
    script = _HERMETIC.replace("from keyledger", "import socket; socket.socket()\nfrom keyledger")
    ran = subprocess.run([sys.executable, "-c", script, KEY], capture_output=True, text=True, timeout=30, check=False)
    assert "opened a socket" in ran.stderr


def _keys() -> list[str]:
    return [generate("live", bytes([number]) * ENTROPY_BYTES).reveal() for number in range(1, 20)]
