from collections.abc import Iterator
from contextlib import ExitStack
from typing import Protocol

import pytest

from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api
from tests.app.people import COOKIE, Person


class OpenAs(Protocol):
    def __call__(self, person: Person) -> Browser: ...


@pytest.fixture
def visitor(proxied_api: Api) -> Visitor:
    return Visitor(proxied_api)


@pytest.fixture
def screen(proxied_api: Api, visitor: Visitor) -> Iterator[Browser]:
    """The visitor's browser."""
    with browser(proxied_api.url, X_Forwarded_For=visitor.ip) as opened:
        yield opened


@pytest.fixture
def open_as(api: Api) -> Iterator[OpenAs]:
    """Open a browser in which a person is signed in to `api`."""
    with ExitStack() as stack:

        def opened(person: Person) -> Browser:
            window = stack.enter_context(browser(api.url))
            window.keep_cookie(COOKIE, person.secret)
            return window

        yield opened
