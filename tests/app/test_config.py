"""A setting that can not be read is named at the start, with what to write instead."""

import base64

import pytest
from msgspec.structs import replace

from app.config import InvalidSetting, from_environment
from domain.plans.plan import PLANS
from gateway.policy import EgressPolicy

NEEDED = {"DATABASE_URL": "postgresql://somewhere", "KEYLEDGER_MASTER_KEY": base64.b64encode(bytes(32)).decode()}


def test_what_nobody_sets_has_a_safe_default() -> None:
    config = from_environment(NEEDED)
    assert (config.host, config.port, config.api_workers, config.request_timeout_seconds) == ("127.0.0.1", 8000, 1, 1.5)
    assert config.egress == EgressPolicy()
    assert config.trusted_proxies == ()


def test_an_empty_setting_counts_as_absent() -> None:
    config = from_environment({**NEEDED, "HOST": "", "PORT": "", "KEYLEDGER_PUBLIC_URL": ""})
    assert (config.host, config.port, config.public_url) == ("127.0.0.1", 8000, "http://127.0.0.1:8000")


def test_the_default_address_is_where_the_api_listens() -> None:
    assert from_environment({**NEEDED, "HOST": "::1", "PORT": "9000"}).public_url == "http://[::1]:9000"


def test_how_long_a_request_waits_for_the_database_is_a_setting() -> None:
    assert from_environment({**NEEDED, "KEYLEDGER_PATIENCE_SECONDS": "4"}).request_timeout_seconds == 4
    assert from_environment({**NEEDED, "KEYLEDGER_REDIS_PATIENCE_SECONDS": "0.5"}).rate_limit_timeout_seconds == 0.5


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("DATABASE_URL", "", "name the database"),
        ("REDIS_URL", "redis://:open/sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "redis://:open#sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "redis://:open[sesame@127.0.0.1:6379/0", "percent-encoded"),
        ("REDIS_URL", "valkey.example", "such as redis://"),
        ("KEYLEDGER_MASTER_KEY", "", "make one with"),
        ("KEYLEDGER_MASTER_KEY", "c2hvcnQ=", "must be 32 bytes"),
        ("PORT", "http", "must be a whole number"),
        ("PORT", "70000", "must be between 1 and 65535"),
        ("KEYLEDGER_PUBLIC_URL", "keys.example.com", "such as https://keys.example.com"),
        ("KEYLEDGER_PUBLIC_URL", "https://", "such as https://keys.example.com"),
        ("KEYLEDGER_PUBLIC_URL", "http://[::1", "such as https://keys.example.com"),
        ("KEYLEDGER_PATIENCE_SECONDS", "soon", "such as 1.5"),
        ("KEYLEDGER_PATIENCE_SECONDS", "0", "must be between 0.05 and 60.0"),
        ("KEYLEDGER_PATIENCE_SECONDS", "nan", "must be between 0.05 and 60.0"),
        ("KEYLEDGER_PLANS", "free", "write JSON such as"),
        ("KEYLEDGER_PLANS", '{"gold": {}}', "Invalid enum value 'gold'"),
        ("KEYLEDGER_PLANS", '{"free": {"keys": 5}}', "unknown field `keys`"),
        ("KEYLEDGER_PLANS", '{"free": {"mcps": -1}}', ">= 0"),
        ("KEYLEDGER_TRUSTED_PROXIES", "10.0.0.1/8", "did you mean 10.0.0.0/8"),
        ("KEYLEDGER_TRUSTED_PROXIES", "::1/128,10.0.0.0/0.255.255.255", "'10.0.0.0/0.255.255.255': Must have a prefix"),
        ("KEYLEDGER_TRUSTED_PROXIES", "10.0.0.0/0.0.0.0", "Write networks such as"),
        ("KEYLEDGER_UPSTREAM_ALLOW", "loopback", "loopback"),
        ("KEYLEDGER_GEO_DATABASE", "/nowhere/countries.mmdb", "can not be read"),
        ("KEYLEDGER_GEO_DATABASE", __file__, "can not be read"),
    ],
)
def test_what_can_not_be_read_is_named_with_its_remedy(name: str, value: str, remedy: str) -> None:
    with pytest.raises(InvalidSetting, match=f"{name}: .*{remedy}") as refused:
        from_environment({**NEEDED, name: value})
    assert "sesame" not in str(refused.value)


def test_plans_are_the_usual_ones_but_for_what_is_said_otherwise() -> None:
    assert from_environment(NEEDED).plans == PLANS
    plans = from_environment({**NEEDED, "KEYLEDGER_PLANS": '{"free": {"api_keys": 5, "mcps": null}}'}).plans
    assert plans == {**PLANS, "free": replace(PLANS["free"], api_keys=5, mcps=None)}


@pytest.mark.parametrize(("written", "trusted"), [("", False), ("false", False), ("true", True), ("TRUE", True)])
def test_addresses_of_an_issuer_are_trusted_only_where_the_operator_says_so(written: str, trusted: bool) -> None:  # noqa: FBT001
    openid = from_environment({**NEEDED, **OPENID, "OIDC_TRUST_EMAIL": written}).openid
    assert openid is not None
    assert openid.trust_email is trusted


def test_a_trust_that_can_not_be_read_is_none() -> None:
    with pytest.raises(InvalidSetting, match="OIDC_TRUST_EMAIL: must be true or false"):
        from_environment({**NEEDED, **OPENID, "OIDC_TRUST_EMAIL": "perhaps"})


OPENID = {"OIDC_ISSUER": "https://id.example.com", "OIDC_CLIENT_ID": "a", "OIDC_CLIENT_SECRET": "b"}
