from collections.abc import Iterator

import pytest

from tests.app.browser import Browser, browser
from tests.app.distinct_clients import Visitor
from tests.app.organizations import Api


@pytest.fixture
def visitor(door: Api) -> Visitor:
    return Visitor(door)


@pytest.fixture
def screen(door: Api, visitor: Visitor) -> Iterator[Browser]:
    """The visitor's browser."""
    with browser(door.url, X_Forwarded_For=visitor.ip) as opened:
        yield opened
