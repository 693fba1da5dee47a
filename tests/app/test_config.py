"""A setting that can not be read is named at the start, with what to write instead."""

import base64

import pytest
from msgspec.structs import replace

from domain.plans.plan import PLANS
from infrastructure.egress_policy import EgressPolicy
from infrastructure.setting import API, InvalidSetting
from infrastructure.settings import Settings

NEEDED = {"DATABASE_URL": "postgresql://somewhere", "KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode()}


def test_what_nobody_sets_has_a_safe_default() -> None:
    config = Settings.from_environment(NEEDED, API)
    assert (config.host, config.port, config.api_workers, config.request_timeout_seconds) == ("127.0.0.1", 8000, 1, 1.5)
    assert config.egress == EgressPolicy()
    assert config.trusted_proxies == ()


def test_an_empty_setting_counts_as_absent() -> None:
    config = Settings.from_environment({**NEEDED, "HOST": "", "PORT": "", "KEYLEDGER_PUBLIC_URL": ""}, API)
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")


def test_the_default_address_is_where_the_api_listens() -> None:
    assert Settings.from_environment({**NEEDED, "HOST": "::1", "PORT": "9000"}, API).public_url == "http://[::1]:9000"


def test_how_long_a_request_waits_for_the_database_is_a_setting() -> None:
    assert (
        Settings.from_environment({**NEEDED, "KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "4"}, API).request_timeout_seconds
        == 4
    )
    assert (
        Settings.from_environment(
            {**NEEDED, "KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS": "0.5"}, API
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
def test_what_can_not_be_read_is_named_with_its_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name}: .*{remedy}") as refused:
        Settings.from_environment({**NEEDED, name: value}, API)
    assert "sesame" not in str(refused.value)


def test_plans_are_the_usual_ones_but_for_what_is_said_otherwise() -> None:
    assert Settings.from_environment(NEEDED, API).plans == PLANS
    plans = Settings.from_environment(
        {**NEEDED, "KEYLEDGER_PLANS": '{"free": {"api_keys": 5, "mcps": null}}'}, API
    ).plans
    assert plans == {**PLANS, "free": replace(PLANS["free"], api_keys=5, mcps=None)}


@pytest.mark.parametrize(("written", "trusted"), [("", False), ("false", False), ("true", True), ("TRUE", True)])
def test_addresses_of_an_issuer_are_trusted_only_where_the_operator_says_so(written: str, trusted: bool) -> None:  # noqa: FBT001
    settings = Settings.from_environment({**NEEDED, **OPENID, "OIDC_TRUST_EMAIL": written}, API)
    assert settings.oidc_trust_email is trusted


def test_a_trust_that_can_not_be_read_is_none() -> None:
    with pytest.raises(InvalidSetting, match="OIDC_TRUST_EMAIL: must be true or false"):
        Settings.from_environment({**NEEDED, **OPENID, "OIDC_TRUST_EMAIL": "perhaps"}, API)


OPENID = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
