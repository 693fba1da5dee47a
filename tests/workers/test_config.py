from datetime import timedelta
from pathlib import Path

import pytest

from infrastructure.setting import WORKERS, InvalidSetting
from infrastructure.settings import Settings
from workers.retention import Retention

URLS = {"DATABASE_URL": "postgresql://user:word@host/name", "REDIS_URL": "redis://:word@host:6379/0"}


def test_the_default_is_one_worker() -> None:
    assert Settings.from_environment(URLS, WORKERS).workers == 1
    assert Settings.from_environment({**URLS, "WORKERS": ""}, WORKERS).workers == 1
    assert Settings.from_environment({**URLS, "WORKERS": "7"}, WORKERS).workers == 7


@pytest.mark.parametrize("workers", ["0", "257", "-1", "two", "1.5"])
def test_an_invalid_number_of_workers_is_refused(workers: str) -> None:
    with pytest.raises(InvalidSetting, match="WORKERS"):
        Settings.from_environment({**URLS, "WORKERS": workers}, WORKERS)


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_missing_url_is_named(name: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_environment({**URLS, name: " "}, WORKERS)


def test_mcps_are_checked_every_five_minutes_by_default() -> None:
    assert Settings.from_environment(URLS, WORKERS).mcp_health == timedelta(minutes=5)
    assert Settings.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": "60"}, WORKERS).mcp_health == timedelta(
        minutes=1
    )
    assert Settings.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": "0"}, WORKERS).mcp_health is None


@pytest.mark.parametrize("seconds", ["59", "86401", "-1", "often", "1.5"])
def test_an_invalid_interval_is_refused(seconds: str) -> None:
    with pytest.raises(InvalidSetting, match="KEYLEDGER_MCP_HEALTH_SECONDS"):
        Settings.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": seconds}, WORKERS)


def test_invalid_networks_are_refused() -> None:
    assert Settings.from_environment({**URLS, "KEYLEDGER_EGRESS_ALLOW": "10.0.0.0/8"}, WORKERS).egress.allow
    with pytest.raises(InvalidSetting, match="KEYLEDGER_EGRESS_ALLOW"):
        Settings.from_environment({**URLS, "KEYLEDGER_EGRESS_ALLOW": "10.0.0.1/8"}, WORKERS)


def test_retention_follows_from_the_plans_and_the_export_folder() -> None:
    assert Retention.from_settings(Settings.from_environment(URLS, WORKERS)) == Retention(None)
    plans = '{"enterprise": {"usage_days": 500}}'
    settings = Settings.from_environment(
        {**URLS, "KEYLEDGER_PLANS": plans, "KEYLEDGER_USAGE_EXPORT_DIR": "/exports"}, WORKERS
    )
    assert Retention.from_settings(settings) == Retention(500, Path("/exports"))
    discarding = Settings.from_environment({**URLS, "KEYLEDGER_USAGE_DISCARD": "true"}, WORKERS)
    assert Retention.from_settings(discarding) == Retention(None, discard=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEYLEDGER_USAGE_EXPORT_DIR", "exports"),
        ("KEYLEDGER_USAGE_EXPORT_DIR", "discard"),
        ("KEYLEDGER_USAGE_DISCARD", "discard"),
        ("KEYLEDGER_PLANS", '{"free": {"usage_days": 0}}'),
    ],
)
def test_an_invalid_retention_setting_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidSetting, match=name):
        Settings.from_environment({**URLS, name: value}, WORKERS)


def test_uses_cannot_be_both_exported_and_discarded() -> None:
    both = {"KEYLEDGER_USAGE_EXPORT_DIR": "/exports", "KEYLEDGER_USAGE_DISCARD": "true"}
    with pytest.raises(
        InvalidSetting, match=r"^KEYLEDGER_USAGE_DISCARD: is true, but KEYLEDGER_USAGE_EXPORT_DIR is set"
    ):
        Settings.from_environment({**URLS, **both}, WORKERS)


@pytest.mark.parametrize("file", ["/nowhere/countries.mmdb", __file__])
def test_an_unreadable_country_database_is_refused(file: str) -> None:
    with pytest.raises(InvalidSetting, match="KEYLEDGER_GEO_DATABASE: cannot be read"):
        Settings.from_environment({**URLS, "KEYLEDGER_GEO_DATABASE": file}, WORKERS)


def test_a_password_is_not_shown() -> None:
    assert "word" not in repr(Settings.from_environment(URLS, WORKERS))


def test_links_in_mails_use_the_public_url() -> None:
    assert Settings.from_environment(URLS, WORKERS).public_url == "http://127.0.0.1:8000"
    assert Settings.from_environment({**URLS, "HOST": "::1", "PORT": "9000"}, WORKERS).public_url == "http://[::1]:9000"
    public = {**URLS, "KEYLEDGER_PUBLIC_URL": "https://keys.example.com/"}
    assert Settings.from_environment(public, WORKERS).public_url == "https://keys.example.com"


@pytest.mark.parametrize("url", ["keys.example.com", "ftp://keys.example.com", "https://", "http://[::1"])
def test_an_invalid_public_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidSetting, match="KEYLEDGER_PUBLIC_URL"):
        Settings.from_environment({**URLS, "KEYLEDGER_PUBLIC_URL": url}, WORKERS)
