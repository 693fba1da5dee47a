"""The session cookie: other hosts cannot set it, and scripts cannot read it."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from app.auth.sessions import SECRET_PREFIX, cookies_of, csrf_token, new_secret
from infrastructure.settings import Settings

CONFIG = Settings()
HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    "public_url", ["https://keys.example.com", "http://keys.example.com", "http://10.0.0.1:8000", "https://127.0.0.1"]
)
def test_the_session_cookie_is_secure_and_bound_to_the_host(public_url: str) -> None:
    cookies = cookies_of(replace(CONFIG, public_url=public_url))
    assert cookies.set("session", "x", HOUR) == (
        "__Host-keyledger_session=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax; Secure"
    )


@pytest.mark.parametrize("public_url", ["http://127.0.0.1:8000", "http://localhost", "http://[::1]:8000"])
def test_the_session_cookie_needs_no_tls_only_on_loopback(public_url: str) -> None:
    cookies = cookies_of(replace(CONFIG, public_url=public_url))
    assert cookies.set("session", "x", HOUR) == "keyledger_session=x; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"


def test_every_session_secret_is_unique_and_has_256_bits() -> None:
    secrets = {new_secret(SECRET_PREFIX) for _ in range(1_000)}
    assert len(secrets) == 1_000
    assert {len(secret) for secret in secrets} == {len(SECRET_PREFIX) + 43}


def test_the_csrf_token_depends_on_the_session_and_does_not_reveal_the_secret() -> None:
    first, second = new_secret(SECRET_PREFIX), new_secret(SECRET_PREFIX)
    assert csrf_token(first) == csrf_token(first) != csrf_token(second)
    assert csrf_token(first) not in first
    assert len(csrf_token(first)) == 43
