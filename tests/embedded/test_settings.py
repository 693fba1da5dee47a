from pathlib import Path

import pytest

from embedded.errors import CannotStart
from embedded.settings import Settings


def test_without_any_variable_it_runs_on_loopback_in_the_current_folder() -> None:
    settings = Settings.from_environment({})
    assert settings.home == Path.cwd() / ".keyledger"
    assert settings.address == "http://127.0.0.1:8000"
    assert (settings.api_workers, settings.workers) == (1, 1)
    assert settings.database_url is None
    assert settings.redis_url is None


def test_an_empty_variable_counts_as_absent() -> None:
    assert Settings.from_environment({"PORT": "", "DATABASE_URL": " "}) == Settings.from_environment({})


@pytest.mark.parametrize("name", ["PORT", "API_WORKERS", "WORKERS"])
@pytest.mark.parametrize("value", ["0", "-1", "eight", "1.5", "70000", "\uff18"])
def test_a_number_that_can_not_be_meant_is_named(name: str, value: str) -> None:
    with pytest.raises(CannotStart, match=f"^{name} has to be a whole number from 1 to .* '{value}'$"):
        Settings.from_environment({name: value})


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000"),  # noqa: S104
        ("::", "http://[::1]:8000"),
        ("::1", "http://[::1]:8000"),
        ("192.0.2.7", "http://192.0.2.7:8000"),
    ],
)
def test_the_address_is_one_to_connect_to(host: str, address: str) -> None:
    assert Settings.from_environment({"HOST": host}).address == address


def test_a_public_address_goes_before_the_own_one() -> None:
    settings = Settings.from_environment({"KEYLEDGER_PUBLIC_URL": "https://keys.example.org"})
    assert settings.address == "https://keys.example.org"
