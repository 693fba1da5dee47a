"""Organizations for tests. Each test has a new one, so that no cleanup is necessary."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import httpx2

from domain.grants import GRANTS, Grant
from domain.keys.permissions import Permissions
from domain.plans.plan import PlanName
from domain.secret import ENTROPY_BYTES, generate
from infrastructure.clock import now
from infrastructure.database.connections import Pool, pool
from tests import seed
from tests.app.client import Client, Response
from tests.app.serving import Server
from tests.waiting import GENEROUS_TIMEOUTS

T = TypeVar("T")


class Database:
    """The server's database: write to it as the application does, and read it directly.

    Coroutines run in their own thread, because Playwright's event loop occupies the thread of a test in a browser.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._runner = asyncio.Runner()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database")
        self._pool: Pool = self.run(self._opened(url))

    def close(self) -> None:
        self.run(self._pool.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    @property
    def pool(self) -> Pool:
        """The pool, for coroutines that are passed to `run`."""
        return self._pool

    def organization(self, plan: PlanName) -> str:
        return self.run(seed.organization(self._pool, plan))

    def key(self, organization_id: str, **fields: Any) -> tuple[str, str]:  # noqa: ANN401 -- of CreateKey
        key_id, secret = self.run(seed.key(self._pool, organization_id, **fields))
        return key_id, secret.reveal()

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self._thread.submit(self._runner.run, coroutine).result()

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Return the rows of a statement that runs with the rights of the database owner."""
        return self.run(self._rows(query, parameters))

    async def _rows(self, query: str, parameters: tuple[object, ...]) -> list[tuple[Any, ...]]:
        async with self._pool.connection() as connection:
            await connection.execute(b"set role none")
            try:
                cursor = await connection.execute(query.encode(), parameters)
                return await cursor.fetchall() if cursor.description else []
            finally:
                await connection.execute(b"reset role")

    @staticmethod
    async def _opened(url: str) -> Pool:
        connections = pool(url, timeouts=GENEROUS_TIMEOUTS)
        await connections.open()
        return connections


class Key:
    """A key, with a client that uses it."""

    def __init__(self, api: "Api", key_id: str, secret: str, organization_id: str) -> None:
        self.id = key_id
        self.secret = secret
        self.client = api.client(secret)
        self.path = f"/v1/api-keys/{key_id}"
        self.check_path = f"/v1/auth/check?organization_id={organization_id}"
        """The path that a proxy requests to admit keys of this organization."""


class Organization:
    """An organization and its manager: a key with every management grant and access to every MCP."""

    def __init__(self, api: "Api", plan: PlanName, grants: tuple[Grant, ...]) -> None:
        self.api = api
        self.id = api.database.organization(plan)
        self.manager = self.seeded_key(name="Manager", permissions=Permissions(mcps="*", manage=grants))
        self.client = self.manager.client

    def seeded_key(self, **fields: Any) -> Key:  # noqa: ANN401 -- of CreateKey
        """Create a key directly in the database, without a delegation limit."""
        return Key(self.api, *self.api.database.key(self.id, **fields), self.id)

    def key(self, **body: object) -> Key:
        """Create a key over HTTP as the manager."""
        data = self.client.post("/v1/api-keys", {"name": "Deploy", **body}).data
        return Key(self.api, data["id"], data["key"], self.id)

    def expired_key(self, **fields: Any) -> Key:  # noqa: ANN401 -- of CreateKey
        """Create a key whose expiry time has passed, but whose expiry is not recorded yet."""
        at = now()
        return self.seeded_key(at=at - timedelta(hours=1), expires_at=at - timedelta(seconds=1), **fields)

    def mcp(self, **body: object) -> str:
        """Register a live MCP and return its id. Its server does not need to exist."""
        fields = {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp", "environment": "live", **body}
        mcp_id: str = self.client.post("/v1/mcps", fields).data["id"]
        return mcp_id

    def verify(self, secret: str, **body: object) -> Any:  # noqa: ANN401 -- JSON
        return self.verified(secret, **body).data

    def verified(self, secret: str, **body: object) -> Response:
        return self.client.post("/v1/api-keys/verify", {"key": secret, **body})

    def detail(self, key: Key) -> Any:  # noqa: ANN401 -- JSON
        return self.client.get(key.path).data

    def activity(self, key: Key, **params: object) -> Any:  # noqa: ANN401 -- JSON
        return self.client.get(f"{key.path}/activity", params).data


class Api:
    """A running server, its database, and callers."""

    def __init__(self, server: Server, database: Database, http: httpx2.Client) -> None:
        self.server = server
        self.database = database
        self._http = http

    @property
    def url(self) -> str:
        return self.server.url

    def client(self, secret: str | None = None, **headers: str) -> Client:
        return Client(self._http, secret, {name.replace("_", "-"): value for name, value in headers.items()})

    def organization(self, plan: PlanName = "team", grants: tuple[Grant, ...] = GRANTS) -> Organization:
        return Organization(self, plan, grants)

    def events_of(self, stream_id: str) -> list[str]:
        """Return the types of the events of a stream, in order."""
        rows = self.database.rows("select type from events where stream_id = %s order by version", stream_id)
        return [row[0] for row in rows]


def unknown_secret(entropy: bytes = b"\x05" * ENTROPY_BYTES) -> str:
    """Return a key with the right form and checksum that was never issued."""
    return generate("live", entropy).reveal()
