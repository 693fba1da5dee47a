"""Keys in files and variables as editors and shells of any system write them."""

import codecs
from pathlib import Path

import pytest

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.key_files import key_in
from tests.app.organizations import Organization, unknown_secret
from tests.clients.command import Run

KEY = unknown_secret()


@pytest.mark.parametrize(
    "content",
    [
        KEY.encode(),
        f"{KEY}\r\n".encode(),
        f"\n  {KEY}  \n\n".encode(),
        codecs.BOM_UTF8 + f"{KEY}\r\n".encode(),
        f"{KEY}\r\n".encode("utf-16"),
        codecs.BOM_UTF16_BE + KEY.encode("utf-16-be"),
        f'"{KEY}"'.encode(),
        f"KEYLEDGER_ADMIN_KEY={KEY}\n".encode(),
        f"export KEYLEDGER_ADMIN_KEY='{KEY}'\n".encode(),
        f'# the key of the agent\nKEY = "{KEY}"\nOTHER=x\n'.encode(),
        f"Authorization: Bearer {KEY}\n".encode(),
        f"{KEY}\n{KEY}\n".encode(),
    ],
)
def test_a_key_is_found_in_any_usual_form(content: bytes) -> None:
    assert key_in(content, "The file").reveal() == KEY


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "contains no key"),
        (b"\n# nothing\n", "contains no key"),
        (KEY.encode("utf-16-le"), "UTF-16 without a byte order mark"),
        (b"\xff\xfe\x00", "not a text file"),
        (b"\x80\x81", "not a text file"),
        (b"PK\x03\x04\x00\x00", "not a text file"),
        (b"x" * 1_000_001, "too large"),
        (f"{KEY}\npk_test_{'a' * 32}\n".encode(), "contains 2 keys"),
        (KEY[:-1].encode(), "1 too few"),
        (f"KEY={KEY[:-1]}".encode(), "1 too few"),
        (f"'{KEY}0'".encode(), "1 too many"),
        (KEY.replace(KEY[20], "0" if KEY[20] != "0" else "1").encode(), "mistyped"),
        (b"key_01m8n8gec1f0ysx7w7rqv10y6j", "is an id, not a key"),
    ],
)
def test_anything_else_is_refused_with_its_problem_and_without_its_text(content: bytes, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        key_in(content, "The file")
    assert "pk_" not in str(raised.value).replace("pk_live_ or pk_test_", "")


def test_a_key_file_from_windows_is_used(org: Organization, run: Run, tmp_path: Path) -> None:
    file = tmp_path / "key.txt"
    for content in (
        f"{org.manager.secret}\r\n".encode("utf-16"),
        codecs.BOM_UTF8 + f'KEYLEDGER_ADMIN_KEY="{org.manager.secret}"\r\n'.encode(),
    ):
        file.write_bytes(content)
        ran = run("keys", "list", "--key-file", str(file), KEYLEDGER_ADMIN_KEY="")
        assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize("words", [("keys", "list"), ("keys", "verify", "-"), ("keys", "identify")])
def test_a_file_that_is_no_key_is_refused_before_anything_is_sent(run: Run, words: tuple[str, ...]) -> None:
    given = {"KEYLEDGER_URL": "http://127.0.0.1:1"}
    ran = (
        run(*words, "--key-file", "-", stdin="not a key", **given)
        if words == ("keys", "list")
        else run(*words, stdin="not a key", **given)
    )
    assert ran.returncode == 2, ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert "Standard input contains no whole key." in ran.stderr


def test_a_mistyped_management_key_is_distinguished_from_a_refused_one(org: Organization, run: Run) -> None:
    mistyped = run("keys", "list", KEYLEDGER_ADMIN_KEY=org.manager.secret[:-1])
    assert (mistyped.returncode, "KEYLEDGER_ADMIN_KEY contains no whole key" in mistyped.stderr) == (2, True)
    refused = run("keys", "list", KEYLEDGER_ADMIN_KEY=unknown_secret())
    assert (refused.returncode, "KEYLEDGER_ADMIN_KEY" in refused.stderr) == (5, False)
