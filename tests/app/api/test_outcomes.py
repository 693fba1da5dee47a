"""Outcomes in 503 responses when a database connection is cut around the commit."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, closing
from typing import Any

import psycopg
import pytest

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from tests.app.client import Response
from tests.app.conftest import _running  # pyright: ignore[reportPrivateUsage]
from tests.app.organizations import Api, Organization
from tests.app.serving import Server
from tests.databases import new_database
from tests.eventstore.cutting_proxy import Cut, Proxy, cutting_proxy


class Wire:
    """A proxy in its own thread between the API and its database."""

    def __init__(self, url: str) -> None:
        self._loop = asyncio.new_event_loop()
        self._stack = AsyncExitStack()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()
        self.direct_url = url
        self.proxy: Proxy = self._do(self._stack.enter_async_context(cutting_proxy(url)))

    def cut(self, words: str, when: Cut, query: str = "", *, goes_down: bool = False) -> None:
        """Cut the connection at a message; `query` returns true after the server has committed."""

        async def is_done() -> bool:
            async with await psycopg.AsyncConnection.connect(self.direct_url, options="-c role=none") as connection:
                row = await (await connection.execute(query.encode())).fetchone()
                return bool(row and row[0])

        self.proxy.cut_at(words.encode(), when, is_done if query else None, goes_down=goes_down)

    def restore(self) -> None:
        """Forward everything again and disarm a cut that has not happened."""
        self.proxy.disarm()
        self.proxy.is_down = False

    def close(self) -> None:
        self._do(self._ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _ended(self) -> None:
        await self._stack.aclose()
        forwarding = asyncio.all_tasks() - {asyncio.current_task()}
        for task in forwarding:
            task.cancel()
        await asyncio.gather(*forwarding, return_exceptions=True)
        await asyncio.sleep(0.1)  # until the transports are closed

    def _do(self, coroutine: Any) -> Any:  # noqa: ANN401 -- any result
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(30)


class Cuttable:
    """An API whose database connections all go through `wire`."""

    def __init__(self, api: Api, wire: Wire) -> None:
        self.api = api
        self.wire = wire
        self.org = api.organization()

    def is_logged(self, event_type: str, stream_id: str) -> str:
        return f"select exists (select from events where type = '{event_type}' and stream_id = '{stream_id}')"  # noqa: S608 -- both are ours


@pytest.fixture
def cuttable(cuttable_api: Cuttable) -> Iterator[Cuttable]:
    yield cuttable_api
    cuttable_api.wire.restore()


@pytest.fixture(scope="module")
def cuttable_api(
    postgres: PostgreSQL, valkey: Valkey, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cuttable]:
    log = tmp_path_factory.mktemp("cut") / "log"
    with new_database(postgres, migrated_template) as url, closing(Wire(url)) as wire:
        server = Server(
            url, valkey.url, log, {"DATABASE_URL": wire.proxy.url, "KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "6"}
        )
        with _running(server, postgres) as api:
            yield Cuttable(api, wire)


Change = Callable[[Organization, str], Response]

CHANGES: dict[str, tuple[str, Change]] = {
    "rename": ("api_key.details_changed", lambda org, path: org.client.patch(path, {"name": "Other"})),
    "disable": ("api_key.disabled", lambda org, path: org.client.post(f"{path}/disable")),
    "rotate": ("api_key.rotated", lambda org, path: org.client.post(f"{path}/rotate")),
    "revoke": ("api_key.revoked", lambda org, path: org.client.post(f"{path}/revoke")),
    "delete": ("api_key.revoked", lambda org, path: org.client.delete(path)),
    "bulk revoke": (
        "api_key.revoked",
        lambda org, path: org.client.post(
            "/v1/api-keys/revoke",
            {"ids": [path.rpartition("/")[2]], "reason": "compromised", "dry_run": False},
        ),
    ),
}

changes = pytest.mark.parametrize("change", CHANGES)


@changes
def test_a_change_whose_confirmation_was_lost_is_looked_up_and_returned(cuttable: Cuttable, change: str) -> None:
    event_type, make = CHANGES[change]
    key = cuttable.org.key()
    cuttable.wire.cut(event_type, Cut.BEFORE_RESPONSE, cuttable.is_logged(event_type, key.id))
    answer = make(cuttable.org, key.path)
    assert answer.status == 200, answer.content
    assert cuttable.wire.proxy.cuts
    assert cuttable.api.events_of(key.id).count(event_type) == 1
    if change == "rotate":
        assert cuttable.org.verify(answer.data["key"])["valid"] is True


def test_a_created_key_whose_confirmation_was_lost_is_returned_with_its_secret(cuttable: Cuttable) -> None:
    query = "select exists (select from events where type = 'api_key.created' and body like '%Lost confirmation%')"
    query = query.replace("body like", "convert_from(body, 'UTF8') like")
    cuttable.wire.cut("api_key.created", Cut.BEFORE_RESPONSE, query)
    made = cuttable.org.client.post("/v1/api-keys", {"name": "Lost confirmation"})
    assert made.status == 201, made.content
    assert cuttable.org.verify(made.data["key"])["valid"] is True


def test_a_change_whose_confirmation_times_out_is_looked_up(cuttable: Cuttable) -> None:
    key = cuttable.org.key()
    cuttable.wire.cut("api_key.rotated", Cut.WITHOUT_CLOSING, cuttable.is_logged("api_key.rotated", key.id))
    rotated = cuttable.org.client.post(f"{key.path}/rotate")
    assert rotated.status == 200, rotated.content
    assert cuttable.org.verify(rotated.data["key"])["valid"] is True


@changes
def test_a_change_that_did_not_arrive_is_reported_as_not_recorded(cuttable: Cuttable, change: str) -> None:
    event_type, make = CHANGES[change]
    key = cuttable.org.key()
    cuttable.wire.cut(event_type, Cut.BEFORE_STATEMENT)
    refused = make(cuttable.org, key.path)
    assert (refused.status, refused.code, refused.details) == (503, "unavailable", {"outcome": "not_recorded"})
    assert event_type not in cuttable.api.events_of(key.id)
    assert make(cuttable.org, key.path).status == 200


@pytest.mark.parametrize(
    ("change", "when"),
    [
        ("rotate", Cut.BEFORE_STATEMENT),
        ("rotate", Cut.BEFORE_RESPONSE),
        ("delete", Cut.BEFORE_RESPONSE),
        ("bulk revoke", Cut.BEFORE_RESPONSE),
    ],
)
def test_a_change_that_cannot_be_looked_up_is_reported_as_unknown_with_the_next_step(
    cuttable: Cuttable, change: str, when: Cut
) -> None:
    event_type, make = CHANGES[change]
    key = cuttable.org.key()
    is_logged = cuttable.is_logged(event_type, key.id) if when is Cut.BEFORE_RESPONSE else ""
    cuttable.wire.cut(event_type, when, is_logged, goes_down=True)
    try:
        refused = make(cuttable.org, key.path)
    finally:
        cuttable.wire.restore()
    assert (refused.status, refused.code) == (503, "unavailable")
    assert refused.details == {"outcome": "unknown", "resource_id": key.id}
    assert "Idempotency-Key" in refused.error["message"]


def test_an_unconfirmed_expiry_of_another_key_leaves_the_request_not_recorded(cuttable: Cuttable) -> None:
    """At the key limit, the expiry of an expired key is recorded before the new key."""
    org = cuttable.api.organization("free")
    expired = org.expired_key()
    is_logged = cuttable.is_logged("api_key.expired", expired.id)
    cuttable.wire.cut("api_key.expired", Cut.BEFORE_RESPONSE, is_logged, goes_down=True)
    try:
        refused = org.client.post("/v1/api-keys", {"name": "Deploy"})
    finally:
        cuttable.wire.restore()
    assert cuttable.wire.proxy.cuts
    assert (refused.status, refused.code, refused.details) == (503, "unavailable", {"outcome": "not_recorded"})
    assert org.client.post("/v1/api-keys", {"name": "Deploy"}).status == 201


def test_a_refused_verification_reports_whether_its_use_was_recorded(cuttable: Cuttable) -> None:
    key = cuttable.org.key()
    # Match text of the event because a prepared statement's text is not sent again.
    cuttable.wire.cut("api_key.used", Cut.BEFORE_STATEMENT, goes_down=True)
    try:
        refused = cuttable.org.verified(key.secret)
        assert (refused.status, refused.details) == (503, {"outcome": "unknown"})
        refused = cuttable.org.verified(key.secret)
        assert (refused.status, refused.details) == (503, {"outcome": "not_recorded"})
    finally:
        cuttable.wire.restore()
