from collections.abc import Callable

import pytest

from domain.members.events import Role
from tests.app.browser import Browser
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, Person, person

SignIn = Callable[[Role], Person]


@pytest.fixture(scope="session")
def api(proxied_api: Api) -> Api:
    """The server of `org`."""
    return proxied_api


@pytest.fixture
def org(proxied_api: Api) -> Organization:
    """A new organization on a plan without a key limit."""
    return proxied_api.organization()


@pytest.fixture
def sign_in(proxied_api: Api, screen: Browser, org: Organization) -> SignIn:
    """Sign a new member with a role in on the screen."""

    def sign_in(role: Role) -> Person:
        member = person(proxied_api, org.id, role)
        screen.keep_cookie(COOKIE, member.secret)
        return member

    return sign_in


@pytest.fixture
def admin(sign_in: SignIn) -> Person:
    return sign_in("admin")
