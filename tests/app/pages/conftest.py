from collections.abc import Iterator

import pytest

from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api


@pytest.fixture
def visitor(proxied_api: Api) -> Visitor:
    return Visitor(proxied_api)


@pytest.fixture
def screen(proxied_api: Api, visitor: Visitor) -> Iterator[Browser]:
    """The visitor's browser."""
    with browser(proxied_api.url, X_Forwarded_For=visitor.ip) as opened:
        yield opened
