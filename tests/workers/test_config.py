from datetime import timedelta
from pathlib import Path

import pytest

from workers.config import Config, ConfigError
from workers.retention_settings import Retention

URLS = {"DATABASE_URL": "postgresql://user:word@host/name", "REDIS_URL": "redis://:word@host:6379/0"}


def test_one_worker_unless_said_otherwise() -> None:
    assert Config.from_environment(URLS).workers == 1
    assert Config.from_environment({**URLS, "WORKERS": ""}).workers == 1
    assert Config.from_environment({**URLS, "WORKERS": "7"}).workers == 7


@pytest.mark.parametrize("workers", ["0", "257", "-1", "two", "1.5"])
def test_a_number_of_workers_that_can_not_be_meant_is_refused(workers: str) -> None:
    with pytest.raises(ConfigError, match="WORKERS"):
        Config.from_environment({**URLS, "WORKERS": workers})


@pytest.mark.parametrize("name", ["DATABASE_URL", "REDIS_URL"])
def test_a_missing_address_is_named(name: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({**URLS, name: " "})


def test_mcps_are_asked_every_five_minutes_unless_said_otherwise() -> None:
    assert Config.from_environment(URLS).mcp_health == timedelta(minutes=5)
    assert Config.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": "60"}).mcp_health == timedelta(minutes=1)
    assert Config.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": "0"}).mcp_health is None


@pytest.mark.parametrize("seconds", ["59", "86401", "-1", "often", "1.5"])
def test_an_interval_that_can_not_be_meant_is_refused(seconds: str) -> None:
    with pytest.raises(ConfigError, match="KEYLEDGER_MCP_HEALTH_SECONDS"):
        Config.from_environment({**URLS, "KEYLEDGER_MCP_HEALTH_SECONDS": seconds})


def test_networks_that_can_not_be_meant_are_refused() -> None:
    assert Config.from_environment({**URLS, "KEYLEDGER_UPSTREAM_ALLOW": "10.0.0.0/8"}).egress.allow
    with pytest.raises(ConfigError, match="KEYLEDGER_UPSTREAM_ALLOW"):
        Config.from_environment({**URLS, "KEYLEDGER_UPSTREAM_ALLOW": "10.0.0.1/8"})


def test_what_leaves_the_log_is_said_by_the_plans_and_by_a_folder() -> None:
    assert Config.from_environment(URLS).retention == Retention(None)
    plans = '{"enterprise": {"usage_days": 500}}'
    set_up = Config.from_environment({**URLS, "KEYLEDGER_PLANS": plans, "KEYLEDGER_USAGE_EXPORT": "/exports"})
    assert set_up.retention == Retention(500, Path("/exports"))
    assert Config.from_environment({**URLS, "KEYLEDGER_USAGE_EXPORT": "discard"}).retention == Retention(
        None, discard=True
    )


@pytest.mark.parametrize(
    ("name", "said"), [("KEYLEDGER_USAGE_EXPORT", "exports"), ("KEYLEDGER_PLANS", '{"free": {"usage_days": 0}}')]
)
def test_a_retention_that_can_not_be_meant_is_refused(name: str, said: str) -> None:
    with pytest.raises(ConfigError, match=name):
        Config.from_environment({**URLS, name: said})


@pytest.mark.parametrize("file", ["/nowhere/countries.mmdb", __file__])
def test_a_database_of_countries_that_can_not_be_read_is_refused(file: str) -> None:
    with pytest.raises(ConfigError, match="KEYLEDGER_GEO_DATABASE can not be read"):
        Config.from_environment({**URLS, "KEYLEDGER_GEO_DATABASE": file})


def test_no_password_is_shown() -> None:
    assert "word" not in repr(Config.from_environment(URLS))


def test_links_in_mails_lead_to_the_public_address() -> None:
    assert Config.from_environment(URLS).public_url == "http://127.0.0.1:8000"
    assert Config.from_environment({**URLS, "HOST": "::1", "PORT": "9000"}).public_url == "http://[::1]:9000"
    public = {**URLS, "KEYLEDGER_PUBLIC_URL": "https://keys.example.com/"}
    assert Config.from_environment(public).public_url == "https://keys.example.com"


@pytest.mark.parametrize("url", ["keys.example.com", "ftp://keys.example.com", "https://", "http://[::1"])
def test_a_public_address_that_can_not_be_meant_is_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="KEYLEDGER_PUBLIC_URL"):
        Config.from_environment({**URLS, "KEYLEDGER_PUBLIC_URL": url})
