"""An OpenID provider that sends Retry-After gets no requests until then, and people see when to try again."""

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx2
import pytest

from tests.app.auth.openid.provider import CLIENT_ID, CLIENT_SECRET, openid_provider
from tests.app.auth.openid.test_openid import CALLBACK, prove_identity
from tests.app.browser import browser
from tests.app.conftest import StartApi
from tests.app.organizations import Api
from tests.app.people import COOKIE, person
from tests.ports import free_port
from tests.random_input import random_token
from tests.waiting import eventually

DISCOVERY, TOKEN, KEYS, USERINFO = "/.well-known/openid-configuration", "/token", "/jwks", "/me"


class Deployment:
    """A service and its OpenID provider."""

    def __init__(self, api: Api, issuer: str) -> None:
        self._api = api
        self._issuer = issuer
        self._requested_before = 0

    def restart(self) -> None:
        """Restart the service, which then has sent no request to its provider. Nothing is refused any more."""
        self._api.server.kill()
        self._api.server.start()
        self.stop_refusing()
        self._requested_before += len(self.requested)

    def refuse(self, path: str, status: int, retry_after: str | None) -> None:
        """Make the provider refuse requests to `path` from now on."""
        query = {"path": path, "status": str(status)}
        if retry_after is not None:
            query["retry_after"] = retry_after
        httpx2.get(f"{self._issuer}/test/refuse", params=query)

    def stop_refusing(self) -> None:
        httpx2.get(f"{self._issuer}/test/refuse")

    @property
    def requested(self) -> list[str]:
        """The paths that the service or browsers have requested from the provider since the restart."""
        paths: list[str] = httpx2.get(f"{self._issuer}/test/requested").json()
        return paths[self._requested_before :]

    def sign_in(self) -> httpx2.Response:
        """Sign in a person whose address only userinfo reports as verified, and return the last page."""
        email = f"silent.yes.said.{random_token()}@example.com"
        person(self._api, self._api.organization().id, email=email)
        with browser(self._api.url) as screen:
            screen.go("/sign-in/openid")
            if screen.page.status_code != 503:
                prove_identity(screen, str(screen.page.url), email)
            assert (screen.path == "/") == (COOKIE in screen.cookies)
            return screen.page


@contextmanager
def _deployed(start_api: StartApi, folder: Path, **settings: str) -> Generator[Deployment]:
    port = free_port()
    api = start_api(
        OIDC_ISSUER=f"http://127.0.0.1:{port}", OIDC_CLIENT_ID=CLIENT_ID, OIDC_CLIENT_SECRET=CLIENT_SECRET, **settings
    )
    with openid_provider(port, api.url + CALLBACK, folder / "provider.log", conform=False) as issuer:
        yield Deployment(api, issuer)


@pytest.fixture(scope="module")
def shared_deployment(start_api: StartApi, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    with _deployed(start_api, tmp_path_factory.mktemp("openid")) as deployment:
        yield deployment


@pytest.fixture
def deployment(shared_deployment: Deployment) -> Deployment:
    """A service that has sent no request to its provider yet, and the provider."""
    shared_deployment.restart()
    return shared_deployment


def _in_a_minute() -> str:
    return format_datetime(datetime.now(UTC) + timedelta(minutes=1), usegmt=True)


@pytest.mark.parametrize(
    ("path", "status", "retry_after", "seconds_max"),
    [
        (DISCOVERY, 429, "120", 120),
        (TOKEN, 503, _in_a_minute, 60),
        (TOKEN, 429, "9" * 30, 3_600),
        (KEYS, 429, "120", 120),
        (USERINFO, 503, "120", 120),
    ],
)
def test_the_provider_gets_no_requests_until_its_retry_after(
    deployment: Deployment, path: str, status: int, retry_after: str | Callable[[], str], seconds_max: int
) -> None:
    deployment.refuse(path, status, retry_after if isinstance(retry_after, str) else retry_after())
    refused = deployment.sign_in()
    requested = deployment.requested
    deployment.stop_refusing()
    again = deployment.sign_in()
    assert deployment.requested == requested
    assert path in requested
    for page in (refused, again):
        assert page.status_code == 503
        seconds = int(page.headers["retry-after"])
        assert seconds_max / 4 < seconds <= seconds_max
        assert f"Try again in {seconds} s" in page.text
    assert int(again.headers["retry-after"]) <= int(refused.headers["retry-after"])


def test_sign_in_works_again_after_retry_after(deployment: Deployment) -> None:
    deployment.refuse(TOKEN, 429, "2")
    assert deployment.sign_in().status_code == 503
    deployment.stop_refusing()
    eventually(lambda: deployment.sign_in().status_code == 200)


@pytest.mark.parametrize("retry_after", [None, "soon"])
def test_a_provider_that_refuses_without_a_valid_retry_after_is_requested_again(
    deployment: Deployment, retry_after: str | None
) -> None:
    deployment.refuse(TOKEN, 503, retry_after)
    refused = deployment.sign_in()
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    deployment.stop_refusing()
    assert deployment.sign_in().status_code == 200


def test_a_refused_optional_request_does_not_stop_other_requests(start_api: StartApi, tmp_path: Path) -> None:
    with _deployed(start_api, tmp_path, OIDC_TRUST_EMAIL="true") as deployment:
        deployment.refuse(USERINFO, 429, "120")
        for _ in range(2):
            assert deployment.sign_in().status_code == 200
        assert deployment.requested.count(USERINFO) == 1
