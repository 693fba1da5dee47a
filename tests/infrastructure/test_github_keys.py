"""The file with GitHub's public keys."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from infrastructure.github_keys import GithubKeys, GithubKeysUnusable
from infrastructure.setting import API, InvalidSetting
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


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "is not the response of https://api.github.com/meta/public_keys/secret_scanning"),
        ("[]", "is not the response of"),
        ('{"public_keys": []}', "contains no key"),
        ('{"public_keys": [{"key_identifier": "a", "key": "no PEM"}]}', "is not the response of"),
        (published(SigningKey(ec.SECP384R1())), "a key is not on the curve P-256"),
    ],
)
def test_the_server_does_not_start_with_an_unusable_file(tmp_path: Path, content: str, problem: str) -> None:
    file = tmp_path / "keys.json"
    file.write_text(content)
    with pytest.raises(GithubKeysUnusable, match=problem):
        GithubKeys(file)
    with pytest.raises(InvalidSetting, match="KEYLEDGER_GITHUB_KEYS_FILE"):
        Settings.from_environment(_environment(file), API)


def test_the_server_does_not_start_with_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidSetting, match="KEYLEDGER_GITHUB_KEYS_FILE: cannot be read"):
        Settings.from_environment(_environment(tmp_path / "absent.json"), API)


def _environment(file: Path) -> dict[str, str]:
    return {
        "DATABASE_URL": "postgresql://user@host/name",
        "KEYLEDGER_MASTER_KEY": "A" * 43 + "=",
        "KEYLEDGER_GITHUB_KEYS_FILE": str(file),
    }
