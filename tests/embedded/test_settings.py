from pathlib import Path

import pytest

from embedded.errors import CannotStart
from embedded.run import sign_in_note
from embedded.settings import read_settings


def test_the_defaults_are_loopback_and_the_current_folder() -> None:
    settings = read_settings({})
    assert settings.home == Path.cwd() / ".keyledger"
    assert settings.public_url == "http://127.0.0.1:8000"
    assert (settings.api_workers, settings.workers) == (1, 1)
    assert settings.database_url == ""
    assert settings.redis_url == ""


def test_an_empty_variable_counts_as_missing() -> None:
    assert read_settings({"PORT": "", "DATABASE_URL": " "}) == read_settings({})


@pytest.mark.parametrize("name", ["PORT", "API_WORKERS", "WORKERS"])
@pytest.mark.parametrize("value", ["0", "-1", "eight", "1.5", "70000", "\uff18"])
def test_an_invalid_number_is_reported(name: str, value: str) -> None:
    with pytest.raises(CannotStart, match=f"^{name}: must be a whole number from 1 to .*, not '{value}'$"):
        read_settings({name: value})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
    ],
)
def test_the_public_url_is_an_address_that_clients_can_connect_to(host: str, address: str) -> None:
    assert read_settings({"HOST": host}).public_url == address


def test_a_configured_public_url_takes_precedence() -> None:
    settings = read_settings({"KEYLEDGER_PUBLIC_URL": "https://keys.example.org"})
    assert settings.public_url == "https://keys.example.org"


def test_the_place_of_sign_in_links_is_the_file_only_without_a_mail_server() -> None:
    file = Path("/data/mail.txt")
    url = "http://127.0.0.1:8000"
    shown = "Links that are requested at http://127.0.0.1:8000/sign-in are shown here and in /data/mail.txt"
    assert sign_in_note(url, {}, file) == shown
    assert sign_in_note(url, {"SMTP_URL": " "}, file) == shown
    mailed = sign_in_note(url, {"SMTP_URL": "smtp://mail.example.com"}, file)
    assert "sent by mail" in mailed
    assert "mail.txt" not in mailed
