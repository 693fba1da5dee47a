"""What providers say of an address, and in how many ways: text, nothing at all, in one place and not in the other."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from gateway.openid.errors import EmailUnverified, TokenInvalid
from gateway.openid.verified_email import Claims, settles, verified_email
from tests.app.auth.openid.provider import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.app.auth.openid.test_openid import CALLBACK, proves
from tests.app.browser import browser
from tests.app.conftest import StartApi
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.ports import free_port
from tests.random_input import random_token


@pytest.fixture(scope="module", params=["false", "true"])
def house(
    request: pytest.FixtureRequest, start_api: StartApi, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A server that trusts the issuer's addresses, and one that does not, with a provider of its own each."""
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


def signs_in(house: Api, said: str) -> tuple[bool, str]:
    """Whether a person of whose address the provider says this is signed in, and the page that they see."""
    somebody = person(house, house.organization().id, email=f"{said}.said.{random_token()}@example.com")
    with browser(house.url, X_Forwarded_For=Visitor(house).ip) as screen:
        proves(screen, "/sign-in/openid", somebody.email)
        signed_in = screen.path == "/account"
        assert signed_in == (COOKIE in screen.cookies)
        return signed_in, screen.page.text


@pytest.mark.parametrize("said", ["textyes.silent", "noaddress.textyes", "silent.yes"])
def test_a_provider_that_vouches_in_its_own_way_signs_in(house: Api, said: str) -> None:
    """Apple writes text into the ID token, Amazon Cognito into userinfo."""
    signed_in, page = signs_in(house, said)
    assert signed_in, page


@pytest.mark.parametrize("said", ["textno.yes", "silent.no", "silent.textno", "silent.other"])
def test_a_provider_that_denies_an_address_signs_nobody_in(house: Api, said: str) -> None:
    signed_in, page = signs_in(house, said)
    assert not signed_in
    assert "does not vouch" in page


def test_a_provider_that_says_nothing_is_trusted_where_the_operator_says_so(
    house: Api, request: pytest.FixtureRequest
) -> None:
    """Microsoft Entra ID has no `email_verified`, neither in the ID token nor in userinfo."""
    trusted = request.node.callspec.params["house"] == "true"
    signed_in, page = signs_in(house, "silent.silent")
    assert signed_in == trusted, page


def test_a_userinfo_that_fails_stops_nobody_whose_address_is_trusted_as_it_is(
    house: Api, request: pytest.FixtureRequest
) -> None:
    trusted = request.node.callspec.params["house"] == "true"
    signed_in, page = signs_in(house, "silent.failing")
    assert signed_in == trusted, page
    assert not signs_in(house, "noaddress.failing")[0]
    assert not signs_in(house, "no.failing")[0]


SUBJECT, EMAIL = "subject-1", "Ada@example.com"


def claims(said: dict[str, Any]) -> Claims:
    return msgspec.convert({"sub": SUBJECT, **said}, Claims)


def decided(token: dict[str, Any], info: dict[str, Any] | None, *, trusted: bool) -> str | None:
    try:
        return verified_email(claims(token), None if info is None else claims(info), trusted=trusted)
    except EmailUnverified:
        return None


YES: list[Any] = [True, "true", "True", "TRUE", " true "]
NO: list[Any] = [False, "false", "False", "", "yes", "1", "no", 1, 0, [], {}, ["true"]]


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("yes", YES)
def test_a_yes_counts_for_the_address_in_the_same_answer(yes: Any, trusted: bool) -> None:  # noqa: ANN401, FBT001
    vouched = {"email": EMAIL, "email_verified": yes}
    assert settles(claims(vouched))
    for token, info in (
        (vouched, None),
        ({}, vouched),
        ({"email": EMAIL}, vouched),
        ({"email": "ada@EXAMPLE.com"}, vouched),
    ):
        assert (decided(token, info, trusted=trusted) or "").casefold() == EMAIL.casefold()
    assert decided({"email_verified": yes}, {"email": EMAIL}, trusted=False) is None
    assert decided({"email": EMAIL}, {"email_verified": yes}, trusted=False) is None


@pytest.mark.parametrize("trusted", [True, False])
@pytest.mark.parametrize("no", NO)
def test_a_no_stands_wherever_it_is_said(no: Any, trusted: bool) -> None:  # noqa: ANN401, FBT001
    denied, vouched = {"email": EMAIL, "email_verified": no}, {"email": EMAIL, "email_verified": True}
    assert settles(claims(denied))
    for token, info in (
        (denied, None),
        (denied, vouched),
        ({"email": EMAIL}, denied),
        ({}, denied),
        ({"email": EMAIL}, {"email_verified": no}),
        ({"email_verified": no}, vouched),
    ):
        assert decided(token, info, trusted=trusted) is None


@pytest.mark.parametrize("trusted", [True, False])
def test_what_is_not_said_counts_where_the_issuer_is_trusted(trusted: bool) -> None:  # noqa: FBT001
    silent: dict[str, Any] = {"email": EMAIL, "email_verified": None}
    assert not settles(claims(silent))
    for token, info in ((silent, None), (silent, {}), ({}, silent), (silent, silent)):
        assert decided(token, info, trusted=trusted) == (EMAIL if trusted else None)


@pytest.mark.parametrize("trusted", [True, False])
def test_two_addresses_are_none_and_so_is_no_address(trusted: bool) -> None:  # noqa: FBT001
    other = {"email": "eve@example.com", "email_verified": True}
    for token, info in (({"email": EMAIL}, other), ({}, None), ({}, {}), ({"email": ""}, {"email": ""})):
        assert decided(token, info, trusted=trusted) is None


def test_userinfo_of_another_subject_proves_nothing() -> None:
    with pytest.raises(TokenInvalid):
        verified_email(claims({"email": EMAIL}), claims({"sub": "subject-2", "email": EMAIL}), trusted=True)
