"""The forms in which providers report a verified address: as a boolean or text, in the ID token or in userinfo."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.openid.errors import EmailUnverified, TokenInvalid
from gateway.openid.verified_email import Claims, settles, verified_email
from tests.app.auth.openid.provider import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.app.auth.openid.test_openid import CALLBACK, prove_identity
from tests.app.browser import browser
from tests.app.conftest import StartApi
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.ports import free_port
from tests.random_input import random_token


@pytest.fixture(scope="module", params=["false", "true"])
def openid_api(
    request: pytest.FixtureRequest, start_api: StartApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A server that trusts the addresses of its issuer, or one that does not, each with its own provider."""
    port = free_port()
    api = start_api(
        KEYLEDGER_TRUSTED_PROXIES="127.0.0.0/8",
        OIDC_ISSUER=f"http://127.0.0.1:{port}",
        OIDC_CLIENT_ID=CLIENT_ID,
        OIDC_CLIENT_SECRET=CLIENT_SECRET,
        OIDC_TRUST_EMAIL=str(request.param),
    )
    log = tmp_path_factory.mktemp("openid") / "provider.log"
    with openid_provider(port, api.url + CALLBACK, log, conform=False):
        yield api


def sign_in(openid_api: Api, reported: str) -> tuple[bool, str]:
    """Sign in with an address for which the provider reports this. Return whether it succeeded, and the last page."""
    member = person(openid_api, openid_api.organization().id, email=f"{reported}.said.{random_token()}@example.com")
    with browser(openid_api.url, X_Forwarded_For=Visitor(openid_api).ip) as screen:
        prove_identity(screen, "/sign-in/openid", member.email)
        signed_in = screen.path == "/"
        assert signed_in == (COOKIE in screen.cookies)
        return signed_in, screen.page.text


@pytest.mark.parametrize("reported", ["textyes.silent", "noaddress.textyes", "silent.yes"])
def test_an_address_that_is_verified_in_an_unusual_form_is_accepted(openid_api: Api, reported: str) -> None:
    """Apple uses text in the ID token, and Amazon Cognito in userinfo."""
    signed_in, page = sign_in(openid_api, reported)
    assert signed_in, page


@pytest.mark.parametrize("reported", ["textno.yes", "silent.no", "silent.textno", "silent.other"])
def test_an_address_that_the_provider_reports_as_unverified_is_refused(openid_api: Api, reported: str) -> None:
    signed_in, page = sign_in(openid_api, reported)
    assert not signed_in
    assert "has not verified" in page


def test_an_address_without_a_verification_status_is_accepted_only_from_a_trusted_provider(
    openid_api: Api, request: pytest.FixtureRequest
) -> None:
    """Microsoft Entra ID has no `email_verified` in the ID token or in userinfo."""
    trusted = request.node.callspec.params["openid_api"] == "true"
    signed_in, page = sign_in(openid_api, "silent.silent")
    assert signed_in == trusted, page


def test_a_failure_of_userinfo_does_not_stop_a_sign_in_with_a_trusted_address(
    openid_api: Api, request: pytest.FixtureRequest
) -> None:
    trusted = request.node.callspec.params["openid_api"] == "true"
    signed_in, page = sign_in(openid_api, "silent.failing")
    assert signed_in == trusted, page
    assert not sign_in(openid_api, "noaddress.failing")[0]
    assert not sign_in(openid_api, "no.failing")[0]


SUBJECT, EMAIL = "subject-1", "Ada@example.com"


def claims(fields: dict[str, Any]) -> Claims:
    return msgspec.convert({"sub": SUBJECT, **fields}, Claims)


def decided(token: dict[str, Any], info: dict[str, Any] | None, *, trusted: bool) -> str | None:
    try:
        return verified_email(claims(token), None if info is None else claims(info), trusted=trusted)
    except EmailUnverified:
        return None


YES: list[Any] = [True, "true", "True", "TRUE", " true "]
NO: list[Any] = [False, "false", "False", "", "yes", "1", "no", 1, 0, [], {}, ["true"]]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("yes", YES)
def test_a_verification_applies_only_to_the_address_in_the_same_response(yes: Any, trusted: bool) -> None:  # noqa: ANN401, FBT001
    verified = {"email": EMAIL, "email_verified": yes}
    assert settles(claims(verified))
    for token, info in (
        (verified, None),
        ({}, verified),
        ({"email": EMAIL}, verified),
        ({"email": "ada@EXAMPLE.com"}, verified),
    ):
        assert (decided(token, info, trusted=trusted) or "").casefold() == EMAIL.casefold()
    assert decided({"email_verified": yes}, {"email": EMAIL}, trusted=False) is None
    assert decided({"email": EMAIL}, {"email_verified": yes}, trusted=False) is None


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("no", NO)
def test_a_denied_verification_in_any_response_is_final(no: Any, trusted: bool) -> None:  # noqa: ANN401, FBT001
    denied, verified = {"email": EMAIL, "email_verified": no}, {"email": EMAIL, "email_verified": True}
    assert settles(claims(denied))
    for token, info in (
        (denied, None),
        (denied, verified),
        ({"email": EMAIL}, denied),
        ({}, denied),
        ({"email": EMAIL}, {"email_verified": no}),
        ({"email_verified": no}, verified),
    ):
        assert decided(token, info, trusted=trusted) is None


@pytest.mark.parametrize("trusted", [True, False])
def test_a_missing_verification_is_accepted_only_from_a_trusted_issuer(trusted: bool) -> None:  # noqa: FBT001
    silent: dict[str, Any] = {"email": EMAIL, "email_verified": None}
    assert not settles(claims(silent))
    for token, info in ((silent, None), (silent, {}), ({}, silent), (silent, silent)):
        assert decided(token, info, trusted=trusted) == (EMAIL if trusted else None)


@pytest.mark.parametrize("trusted", [True, False])
def test_contradictory_or_missing_addresses_are_refused(trusted: bool) -> None:  # noqa: FBT001
    other = {"email": "eve@example.com", "email_verified": True}
    for token, info in (({"email": EMAIL}, other), ({}, None), ({}, {}), ({"email": ""}, {"email": ""})):
        assert decided(token, info, trusted=trusted) is None


def test_userinfo_of_another_subject_is_refused() -> None:
    with pytest.raises(TokenInvalid):
        verified_email(claims({"email": EMAIL}), claims({"sub": "subject-2", "email": EMAIL}), trusted=True)
