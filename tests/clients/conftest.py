"""Both clients against a real server, spoken to in the same way."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

import pytest

from keyledger import AsyncKeyledger, Keyledger, Retries
from tests.app.api.mcp.conftest import upstream
from tests.app.conftest import api, org, started_apis
from tests.app.organizations import Api, Organization
from tests.clients.flaky_proxy import Meddler

__all__ = ["api", "org", "started_apis", "upstream"]

FAST = Retries(first_seconds=0.01, longest_seconds=0.02)


class Caller(Protocol):
    """A client: `do` gives what a call answers, `every` what an iteration yields."""

    def do(self, call: Callable[[Any], Any]) -> Any: ...  # noqa: ANN401 -- whatever is called

    def every(self, iterate: Callable[[Any], Any]) -> list[Any]: ...


class SyncCaller:
    def __init__(self, client: Keyledger) -> None:
        self.client = client

    def do(self, call: Callable[[Any], Any]) -> Any:  # noqa: ANN401 -- see above
        return call(self.client)

    def every(self, iterate: Callable[[Any], Any]) -> list[Any]:
        return list(iterate(self.client))

    def close(self) -> None:
        self.client.close()


class AsyncCaller:
    def __init__(self, client: AsyncKeyledger) -> None:
        self.client = client
        self._runner = asyncio.Runner()

    def do(self, call: Callable[[Any], Any]) -> Any:  # noqa: ANN401 -- see above
        return self._runner.run(call(self.client))

    def every(self, iterate: Callable[[Any], Any]) -> list[Any]:
        return self._runner.run(_collected(iterate(self.client)))

    def close(self) -> None:
        self._runner.run(self.client.close())
        self._runner.close()


class Connect(Protocol):
    def __call__(self, url: str, key: str, **settings: Any) -> Caller: ...  # noqa: ANN401 -- of the client


@pytest.fixture(params=["sync", "async"])
def connect(request: pytest.FixtureRequest) -> Iterator[Connect]:
    """Make a client of the one kind or the other; closed at the end."""
    callers: list[SyncCaller | AsyncCaller] = []

    def connected(url: str, key: str, **settings: Any) -> Caller:  # noqa: ANN401 -- of the client
        settings = {"retries": FAST, **settings}
        caller = (
            SyncCaller(Keyledger(url, key, **settings))
            if request.param == "sync"
            else AsyncCaller(AsyncKeyledger(url, key, **settings))
        )
        callers.append(caller)
        return caller

    yield connected
    for caller in callers:
        caller.close()


@pytest.fixture
def manager(connect: Connect, api: Api, org: Organization) -> Caller:
    """The organization's manager, by the client."""
    return connect(api.url, org.manager.secret)


@pytest.fixture
def meddler(api: Api) -> Iterator[Meddler]:
    with Meddler(api.server.port) as between:
        yield between


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
