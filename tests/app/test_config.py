"""Settings from the environment: defaults, and error messages that name the setting and a valid value."""

import base64

import pytest
from msgspec.structs import replace

from domain.plans.plan import PLANS
from infrastructure.egress_policy import EgressPolicy
from infrastructure.setting import API, InvalidSetting
from infrastructure.settings import Settings

REQUIRED = {"DATABASE_URL": "postgresql://somewhere", "KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode()}


def test_unset_settings_have_safe_defaults() -> None:
    config = Settings.from_environment(REQUIRED, API)
    assert (config.host, config.port, config.api_workers, config.request_timeout_seconds) == ("127.0.0.1", 8000, 1, 1.5)
    assert config.egress == EgressPolicy()
    assert config.trusted_proxies == ()


def test_an_empty_setting_counts_as_absent() -> None:
    config = Settings.from_environment({**REQUIRED, "HOST": "", "PORT": "", "KEYLEDGER_PUBLIC_URL": ""}, API)
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")


def test_the_default_public_url_is_the_address_of_the_api() -> None:
    assert Settings.from_environment({**REQUIRED, "HOST": "::1", "PORT": "9000"}, API).public_url == "http://[::1]:9000"


def test_the_timeouts_of_a_request_are_settings() -> None:
    assert (
        Settings.from_environment({**REQUIRED, "KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "4"}, API).request_timeout_seconds
        == 4
    )
    assert (
        Settings.from_environment(
            {**REQUIRED, "KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS": "0.5"}, API
        ).rate_limit_timeout_seconds
        == 0.5
    )


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DATABASE_URL", "", "Set it to the URL of the database"),
        ("REDIS_URL", "redis://:open/sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "redis://:open#sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "redis://:open[sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "valkey.example", "such as redis://"),
        ("KEYLEDGER_MASTER_KEY", "", "Create one with"),
        ("KEYLEDGER_MASTER_KEY", "c2hvcnQ=", "must be 32 bytes"),
        ("PORT", "http", "must be a whole number from 1 to 65535, not 'http'"),
        ("PORT", "70000", "must be a whole number from 1 to 65535"),
        ("KEYLEDGER_PUBLIC_URL", "keys.example.com", "such as https://keys.example.com"),
        ("KEYLEDGER_PUBLIC_URL", "https://", "such as https://keys.example.com"),
        ("KEYLEDGER_PUBLIC_URL", "http://[::1", "such as https://keys.example.com"),
        ("KEYLEDGER_REQUEST_TIMEOUT_SECONDS", "soon", "such as 1.5"),
        ("KEYLEDGER_REQUEST_TIMEOUT_SECONDS", "0", "must be between 0.05 and 60.0"),
        ("KEYLEDGER_REQUEST_TIMEOUT_SECONDS", "nan", "must be between 0.05 and 60.0"),
        ("KEYLEDGER_PLANS", "free", "Write JSON such as"),
        ("KEYLEDGER_PLANS", '{"gold": {}}', "Invalid enum value 'gold'"),
        ("KEYLEDGER_PLANS", '{"free": {"keys": 5}}', "unknown field `keys`"),
        ("KEYLEDGER_PLANS", '{"free": {"mcps": -1}}', ">= 0"),
        ("KEYLEDGER_TRUSTED_PROXIES", "10.0.0.1/8", "did you mean 10.0.0.0/8"),
        ("KEYLEDGER_TRUSTED_PROXIES", "::1/128,10.0.0.0/0.255.255.255", "'10.0.0.0/0.255.255.255': Must have a prefix"),
        ("KEYLEDGER_TRUSTED_PROXIES", "10.0.0.0/0.0.0.0", "Write networks such as"),
        ("KEYLEDGER_EGRESS_ALLOW", "loopback", "loopback"),
        ("KEYLEDGER_GEO_DATABASE", "/nowhere/countries.mmdb", "cannot be read"),
        ("KEYLEDGER_GEO_DATABASE", __file__, "cannot be read"),
    ],
)
def test_an_invalid_setting_is_reported_with_its_name_and_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name}: .*{remedy}") as refused:
        Settings.from_environment({**REQUIRED, name: value}, API)
    assert "sesame" not in str(refused.value)


def test_configured_limits_replace_only_those_of_the_default_plans() -> None:
    assert Settings.from_environment(REQUIRED, API).plans == PLANS
    plans = Settings.from_environment(
        {**REQUIRED, "KEYLEDGER_PLANS": '{"free": {"api_keys": 5, "mcps": null}}'}, API
    ).plans
    assert plans == {**PLANS, "free": replace(PLANS["free"], api_keys=5, mcps=None)}


@pytest.mark.parametrize(("written", "trusted"), [("", False), ("false", False), ("true", True), ("TRUE", True)])
def test_email_addresses_of_an_issuer_are_trusted_only_if_configured(written: str, trusted: bool) -> None:  # noqa: FBT001
    settings = Settings.from_environment({**REQUIRED, **OPENID, "OIDC_TRUST_EMAIL": written}, API)
    assert settings.oidc_trust_email is trusted


def test_an_invalid_value_for_trusting_email_addresses_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="OIDC_TRUST_EMAIL: must be true or false"):
        Settings.from_environment({**REQUIRED, **OPENID, "OIDC_TRUST_EMAIL": "perhaps"}, API)


OPENID = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
