"""Parts of a URL that are recognized as credentials, in every spelling, and parts that are not."""

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.endpoint import SIGNED, check_endpoint_url
from gateway.url_credentials import credential_in
from infrastructure.egress_policy import EgressPolicy

VALUE = "v4lue-that-must-not-show"
NAMES = [
    "key", "KEY", "apikey", "apiKey", "api_key", "api-key", "API_KEY", "APIKey", "ApiKey", "api.key", "api key",
    "tavilyApiKey", "exaApiKey", "tavilyapikey", "TAVILY_API_KEY", "x-api-key", "xApiKey", "accessKey",
    "accessToken", "access_token", "ACCESSTOKEN", "authToken", "token", "mytoken", "idToken", "X-Amz-Security-Token",
    "auth", "basicAuth", "authorization", "bearer", "jwt", "pat", "password", "passwd", "pwd", "pass", "userPassword",
    "secret", "clientSecret", "client_secret", "secretKey", "passphrase", "credential", "X-Amz-Credential",
    "sig", "Signature", "X-Amz-Signature", "X-Goog-Signature", "hmac", "sessionId", "sid", "subscription-key",
    "subscriptionkey", "ocp-apim-subscription-key", "functionsKey", "config[apiKey]", "auth2Token", "apiKey2",
    "authorisation", "Passwort", "kennwort", "senha",
]  # fmt: skip
HARMLESS = [
    "profile", "project", "tools", "tokens", "keyspace", "keyboard", "monkey", "author", "authority", "auth_type",
    "tokenLimit", "max_tokens", "maxTokenCount", "apiKeyName", "keyword", "compass", "passenger", "signal", "design",
    "config", "code", "country_code", "region", "version", "api-version", "q", "session_name", "secretariat",
    "passwordPolicy", "path", "patch", "sidebar", "session", "license", "cookie", "ticket", "sort_key", "primaryKey",
    "foreign_key", "idempotency-key", "publicKey",
]  # fmt: skip


def spellings(name: str) -> list[str]:
    """Return the name as it is, and encoded as far as servers and proxies decode it."""
    whole = "".join(f"%{byte:02X}" for byte in name.encode())
    return [quote(name, safe=""), whole, quote(whole, safe=""), quote(quote(whole, safe=""), safe="")]


@pytest.mark.parametrize("name", NAMES)
def test_a_credential_is_recognized_by_its_name(name: str) -> None:
    for spelled in spellings(name):
        for rest in (
            f"/mcp?{spelled}={VALUE}",
            f"/mcp?a=b&{spelled}={VALUE}&c=d",
            f"/mcp;{spelled}={VALUE}",
            f"?{spelled}=",
        ):
            found = credential_in(rest)
            assert found is not None, rest
            assert VALUE not in found


ABOUT = [
    "tokens", "passwords", "apiKeys", "apikeys", "mytokens", "secrets", "access_tokens", "smitheryApiKeyUrl",
    "apiKeyName", "password_policy", "tokenLimit", "tokens_budget", "keyName", "auth_type", "credentialsUri",
    "max_tokens", "sort_key", "partitionKey", "public-key",
]  # fmt: skip


@pytest.mark.parametrize("name", ABOUT)
def test_a_name_about_credentials_is_harmless_only_with_a_value_that_looks_like_a_setting(name: str) -> None:
    for spelled in spellings(name):
        for setting in ("", "all", "4096", "client_secret_basic", "X-API-Key", "oauth2", "ES256", "2026-11-28"):
            assert credential_in(f"/mcp?{spelled}={setting}&a=b") is None, setting
        assert credential_in(f"/mcp?{spelled}={quote('https://idp.example.com/token', safe='')}") is None
        assert credential_in(f"/mcp?{spelled}=https://idp.example.com/token") is None
        for value in (VALUE, "aB3dE5gH7jK9mN1p", "9f86d081884c7d65", "ab/c3d4/e5F6", "abcdefgh" * 5):
            found = credential_in(f"/mcp?{spelled}={value}")
            assert found is not None, (spelled, value)
            assert value not in found
            assert credential_in("/mcp?config=" + quote(json.dumps({name: value}), safe="")) is not None
            assert credential_in("/mcp?config=" + quote(json.dumps({name: [value]}), safe="")) is not None


@pytest.mark.parametrize("name", ["access_token", "apiKey", "key", "token", "tavilyApiKey"])
def test_a_name_without_a_value_is_refused_and_not_shown(name: str) -> None:
    for spelled in spellings(name):
        for rest in (f"/mcp?{spelled}", f"/mcp?a=b&{spelled}", f"/mcp?{spelled}&a=b"):
            found = credential_in(rest)
            assert found is not None, rest
            assert name not in found


@pytest.mark.parametrize("name", HARMLESS)
def test_a_similar_name_is_not_a_credential(name: str) -> None:
    assert credential_in(f"/mcp?{quote(name, safe='')}=all") is None


@pytest.mark.parametrize(
    "rest",
    [
        "/mcp",
        "/mcp?",
        "/api/key=",
        "/v1/orgs/01890a5d-ac96-774b-bcce-b302099a8057/mcp?profile=01890a5d-ac96-774b-bcce-b302099a8057",
        "/mcp?project=AbCdEf0123456789AbCdEf0123456789",
        "/token/key/secret/mcp",
        "/token/introspection/endpoint",
        "/auth/AuthenticationServer/mcp",
        "/mcp?title=basic programming&about=bearer bonds",
        "/mcp?target=https://other.example:8443/a@b&mail=a@b.example",
        "/mcp?session=daily-standup-notes",
        "/mcp?code=de",
        "/mcp?a=%",
        "/mcp?config=eyJhIjoxfQ",
    ],
)
def test_a_url_without_a_credential_can_be_registered(rest: str) -> None:
    expected = "key" if "key=" in rest else None
    assert credential_in(rest) == expected


@pytest.mark.parametrize(
    "rest",
    [
        f"/mcp?code={VALUE}",
        f"/mcp?target=https%3A%2F%2Fother.example%2F%3Fapi_key%3D{VALUE}",
        "/mcp?config=" + quote(json.dumps({"exa": {"apiKey": VALUE}}), safe=""),
        "/mcp?config=" + base64.urlsafe_b64encode(json.dumps({"apiKey": VALUE}).encode()).decode().rstrip("="),
        "/mcp?config=" + quote(base64.b64encode(json.dumps({"apiKey": VALUE}).encode()).decode(), safe=""),
        "/mcp?%EF%BD%81pi%5Fkey=" + VALUE,
        "/mcp?x=sk-" + "a1" * 12,
        "/ghp_" + "a1" * 18 + "/mcp",
        "/mcp?x=pk_live_" + "a1" * 16,
        "/mcp?x=eyJ" + "a" * 20 + ".eyJ" + "b" * 20 + "." + "c" * 20,
        "/mcp?x=AKIA" + "A1" * 8,
        "/mcp?tvly-" + "a1" * 12,
        "/mcp?sk-" + "a1" * 12 + "-token=1",
        f"/mcp?session={VALUE}",
        f"/mcp?cookie={VALUE}",
        "/apikey/" + "a1" * 12 + "/mcp",
        "/v1/access_token/" + "a1" * 12,
        "/token%2F" + "a1" * 12 + "/mcp",
        "/mcp?x=Bearer%20" + "a1" * 12,
        "/mcp?x=bearer+" + "a1" * 12,
        "/mcp?x=Basic%20" + quote(base64.b64encode(f"user:{VALUE}".encode()).decode(), safe=""),
        f"/mcp?db=postgres%3A%2F%2Fuser%3A{VALUE}%40db.example%2Fmain",
        f"/mcp?db=postgres://:{VALUE}@db.example/main",
        "/fc-" + "a1" * 16 + "/v2/mcp",
        *(
            f"/mcp?x={start}{'a1' * 32}"
            for start in ("gsk_", "xai-", "shpat_", "ntn_", "ya29.", "hvs.", "dapi", "lin_api_")
        ),
    ],
)
def test_a_credential_is_recognized_anywhere_and_never_shown(rest: str) -> None:
    found = credential_in(rest)
    assert found is not None
    assert VALUE not in found
    assert "a1a1" not in found


def test_the_message_names_the_parameter_and_the_remedy_but_not_the_value() -> None:
    url = f"https://mcp.example.com/mcp?tavilyApiKey={VALUE}"
    problem = check_endpoint_url(url, EgressPolicy()) or ""
    assert "(tavilyApiKey)" in problem
    assert "auth_type query" in problem
    assert VALUE not in problem
    assert "signature" in (check_endpoint_url(url, EgressPolicy(), remedy=SIGNED) or "")


@given(st.text(max_size=60))
def test_any_text_can_be_searched(text: str) -> None:
    found = credential_in("/mcp?" + text)
    assert found is None or found.isprintable()
