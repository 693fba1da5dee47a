"""Which values of `next` are followed after a sign-in."""

from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.auth.next_path import NEXT_PATH_LENGTH_MAX, next_path
from domain.secret import ENTROPY_BYTES, generate
from tests.random_input import random_bytes

ELSEWHERE = [
    "",
    "keys",
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "/a\\b",
    "/a//evil.example",
    "https://evil.example/",
    "HTTPS:evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    " /keys",
    "/keys\r\nSet-Cookie: a=b",
    "/keys\0",
    "/\x7f",
    "/schlüssel",
    "/keys\u2028",
    "/\uff0fevil.example",
    "?a=b",
    "#mails",
]


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/keys",
        "/alerts/alert_01",
        "/keys?status=active&q=a%20b",
        "/account#mails",
        "/keys?as_of=2026-11-03T14:00Z",
    ],
)
def test_a_path_on_this_site_is_followed(path: str) -> None:
    assert next_path(path) == path


@pytest.mark.parametrize("value", ELSEWHERE)
def test_a_value_that_is_not_a_path_on_this_site_is_ignored(value: str) -> None:
    assert next_path(value) is None


def test_an_absent_value_and_one_that_is_too_long_are_ignored() -> None:
    assert next_path(None) is None
    assert next_path("/" + "a" * (NEXT_PATH_LENGTH_MAX - 1)) is not None
    assert next_path("/" + "a" * NEXT_PATH_LENGTH_MAX) is None


@pytest.mark.parametrize("prefix", ["ks_", "kl_", "ki_"])
def test_a_path_with_a_secret_is_ignored(prefix: str) -> None:
    assert next_path(f"/sign-in/confirm?token={prefix}{'a' * 43}") is None


def test_a_path_with_a_key_is_ignored() -> None:
    assert next_path(f"/keys?q={generate('live', random_bytes(ENTROPY_BYTES)).reveal()}") is None


@given(st.text(st.sampled_from("/\\:.@?#%ahtp \t\n\r\0é\u2028"), max_size=12))
def test_what_is_followed_stays_on_this_site(value: str) -> None:
    """`urljoin` resolves a reference as RFC 3986 does. Browsers also drop control characters and turn backslashes."""
    followed = next_path(value)
    if followed is not None:
        repaired = "".join([character for character in followed if character > " "]).replace("\\", "/")
        assert urlsplit(urljoin("https://keyledger.example/sign-in", repaired)).netloc == "keyledger.example"
