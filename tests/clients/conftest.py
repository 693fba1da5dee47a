"""The sync and the async client with a real server, behind a common interface."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any, Protocol

import pytest

from keyledger import AsyncKeyledger, Keyledger, Retries
from tests.app.api.mcp.conftest import upstream
from tests.app.conftest import api, org, start_api, started_apis
from tests.app.organizations import Api, Organization
from tests.clients.command import Ran, Run, run_command
from tests.clients.flaky_proxy import FlakyProxy

__all__ = ["api", "org", "start_api", "started_apis", "upstream"]

FAST = Retries(first_seconds=0.01, longest_seconds=0.02)


class Caller(Protocol):
    """A client. `do` returns the response of a call, `every` the items of an iteration."""

    def do(self, call: Callable[[Any], Any]) -> Any: ...  # noqa: ANN401 -- the type depends on the call

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
    """Create clients of one kind or the other. They are closed at the end."""
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
    """A client with the key of the organization's manager."""
    return connect(api.url, org.manager.secret)


@pytest.fixture
def run(api: Api, org: Organization) -> Run:
    """Run the command with the key of the organization's manager; `env` changes the environment."""

    def ran(*arguments: str, stdin: str = "", **env: str) -> Ran:
        ours = {"KEYLEDGER_URL": api.url, "KEYLEDGER_ADMIN_KEY": org.manager.secret}
        return run_command(*arguments, env={**ours, **env}, stdin=stdin)

    return ran


@pytest.fixture
def proxy(api: Api) -> Iterator[FlakyProxy]:
    with FlakyProxy(api.server.port) as running:
        yield running


async def _collected(items: AsyncIterator[Any]) -> list[Any]:
    return [item async for item in items]
