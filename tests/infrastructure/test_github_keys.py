"""The file with GitHub's public keys."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from structlog.testing import capture_logs

from infrastructure.github_keys import GithubKeys
from infrastructure.setting import API
from infrastructure.settings import Settings
from tests.app.api.leaks.github import SigningKey, published

DOCUMENTED = json.dumps(
    {
        "public_keys": [
            {
                "key_identifier": "bcb53661c06b4728e59d897fb6165d5c9cda0fd9cdf9d09ead458168deb7518c",
                "key": SigningKey().pem,
                "is_current": True,
                "added_later": [],
            }
        ]
    }
)


def test_the_response_of_github_is_read_and_members_of_later_versions_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "keys.json"
    file.write_text(DOCUMENTED)
    assert GithubKeys(file).signed(b"[]", "unknown", "MEQC") is False


def test_every_key_in_the_file_is_accepted_current_or_not(tmp_path: Path) -> None:
    file, former, current = tmp_path / "keys.json", SigningKey(), SigningKey()
    file.write_text(published(former, current, current=current))
    keys = GithubKeys(file)
    for key in (former, current):
        assert keys.signed(b"[]", key.identifier, key.signature(b"[]"))
    assert not keys.signed(b"[]", former.identifier, current.signature(b"[]"))


UNUSABLE = {
    "": "is not the response of https://api.github.com/meta/public_keys/secret_scanning",
    "[]": "is not the response of",
    '{"public_keys": []}': "contains no key that this server can use",
    '{"public_keys": [{"key_identifier": "a", "key": "no PEM"}]}': "contains no key that this server can use",
    '{"public_keys": ' + "[" * 100_000: "is not the response of",
    published(SigningKey(ec.SECP384R1())): "contains no key that this server can use",
}


@pytest.mark.parametrize(("content", "problem"), UNUSABLE.items(), ids=range(len(UNUSABLE)))
def test_an_unusable_file_does_not_prevent_the_start_and_is_read_again_when_it_changes(
    tmp_path: Path, content: str, problem: str
) -> None:
    file, key = tmp_path / "keys.json", SigningKey()
    file.write_text(content)
    assert Settings.from_environment(_environment(file), API).github_keys == file
    with capture_logs() as lines:
        keys = GithubKeys(file)
    error = lines[-1]
    assert (error["event"], error["log_level"]) == ("github_keys_unusable", "error")
    assert problem in error["problem"]
    assert not keys.signed(b"[]", key.identifier, key.signature(b"[]"))
    file.write_text(published(key))
    assert keys.signed(b"[]", key.identifier, key.signature(b"[]"))


def test_a_missing_file_does_not_prevent_the_start_and_is_read_when_it_is_there(tmp_path: Path) -> None:
    file, key = tmp_path / "absent.json", SigningKey()
    assert Settings.from_environment(_environment(file), API).github_keys == file
    keys = GithubKeys(file)
    assert not keys.signed(b"[]", key.identifier, key.signature(b"[]"))
    file.write_text(published(key))
    assert keys.signed(b"[]", key.identifier, key.signature(b"[]"))


_UNSUPPORTED_CURVE = """-----BEGIN PUBLIC KEY-----
MDIwEAYHKoZIzj0CAQYFK4EEAAYDHgAEAAECAwQFBgcICQoLDA0ODxAREhMUFRYX
GBkaGw==
-----END PUBLIC KEY-----
"""
"""A key on secp112r1, of which the library knows no more than the identifier."""

UNFAMILIAR: list[object] = [
    {"key_identifier": "a", "key": "no PEM"},
    {"key_identifier": "a", "key": _UNSUPPORTED_CURVE},
    {"key_identifier": "a", "key": SigningKey(ec.SECP384R1()).pem},
    {"key_identifier": 5, "key": SigningKey().pem},
    {"key_identifier": "a"},
    "text",
    None,
    [],
]


@pytest.mark.parametrize("item", UNFAMILIAR, ids=range(len(UNFAMILIAR)))
def test_an_unfamiliar_item_is_skipped_and_the_other_keys_are_accepted(tmp_path: Path, item: object) -> None:
    file, key = tmp_path / "keys.json", SigningKey()
    listed = json.loads(published(key))["public_keys"]
    file.write_text(json.dumps({"public_keys": [item, *listed]}))
    with capture_logs() as lines:
        keys = GithubKeys(file)
    assert [(line["event"], line["number"]) for line in lines] == [("github_key_skipped", 1)]
    assert keys.signed(b"[]", key.identifier, key.signature(b"[]"))


def _environment(file: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": "postgresql://user@host/name",
        "KEYLEDGER_MASTER_KEY": "A" * 43 + "=",
        "KEYLEDGER_GITHUB_KEYS_FILE": str(file),
    }
