"""A build whose statements have all forgotten which organization they are about shows nothing of another one.

The same build over connections that row-level security does not hold back shows everything, or this would test nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.app.client import Answer, Client
from tests.app.organizations import Api, Database, Organization
from tests.stories.conftest import StartServer

ABSENT_KEY, ABSENT_MCP = "key_" + "0" * 26, "mcp_" + "0" * 26


Serve = Callable[[str], Api]


@pytest.fixture
def serve(start_server: StartServer, database: Database) -> Iterator[Serve]:
    """Start a build of the API."""
    with ExitStack() as stack:

        def started(build: str) -> Api:
            server = start_server("tests.stories.faulty_builds", build)
            return Api(server, database, stack.enter_context(httpx2.Client(base_url=server.url)))

        yield started


def seen(client: Client) -> set[str]:
    """The ids of everything in the lists that a key can ask for."""
    found: set[str] = set()
    for path in ("/v1/api-keys", "/v1/api-keys?q=de", "/v1/api-keys?sort=name", "/v1/mcps", "/v1/audit/events"):
        answer: Any = client.get(path).json
        found |= {item["resource"]["id"] if "resource" in item else item["id"] for item in answer["data"]}
    return found


def asked(client: Client, key_id: str, mcp_id: str) -> list[Answer]:
    """Everything that can be asked about a key and an MCP, and done to them."""
    key, mcp = f"/v1/api-keys/{key_id}", f"/v1/mcps/{mcp_id}"
    return [
        *(client.get(path) for path in (key, f"{key}/usage", f"{key}/activity", mcp)),
        *(client.patch(path, {"name": "Taken over"}) for path in (key, mcp)),
        *(client.post(f"{key}/{verb}") for verb in ("disable", "enable", "rotate", "revoke")),
        client.post(f"{mcp}/test"),
        *(client.delete(path) for path in (key, mcp)),
    ]


@pytest.fixture
def two(serve: Serve) -> tuple[Organization, Organization, set[str]]:
    """Two organizations on a server that forgets; and the ids of what the second one has."""
    api = serve("forgetful")
    ours, theirs = api.organization(), api.organization()
    return ours, theirs, {theirs.manager.id, theirs.key().id, theirs.mcp()}


def test_a_forgotten_condition_shows_nothing_foreign(two: tuple[Organization, Organization, set[str]]) -> None:
    ours, theirs, foreign = two
    own = {ours.manager.id, ours.key().id, ours.mcp()}
    assert own <= seen(ours.client)
    assert foreign <= seen(theirs.client)
    assert not seen(ours.client) & foreign
    assert ours.client.get("/v1/api-keys").json["pagination"]["total"] == 2


def test_a_forgotten_condition_changes_nothing_foreign(two: tuple[Organization, Organization, set[str]]) -> None:
    """Each answer is the one about something that never was, byte for byte but for the request id."""
    ours, theirs, _ = two
    key, mcp_id = theirs.key(), theirs.mcp()
    before = [theirs.detail(key), theirs.client.get(f"/v1/mcps/{mcp_id}").data]
    absent = asked(ours.client, ABSENT_KEY, ABSENT_MCP)
    foreign = asked(ours.client, key.id, mcp_id)
    assert {answer.status for answer in absent} == {404}
    assert [answer.without_request_id for answer in foreign] == [answer.without_request_id for answer in absent]
    bulk = ours.client.post("/v1/api-keys/revoke", {"ids": [key.id], "reason": "unspecified", "dry_run": False})
    assert (bulk.status, list(bulk.details)) == (422, ["ids"])
    assert [theirs.detail(key), theirs.client.get(f"/v1/mcps/{mcp_id}").data] == before


def test_without_the_fence_the_same_build_shows_everything(serve: Serve) -> None:
    api = serve("forgetful_and_unfenced")
    ours, theirs = api.organization(), api.organization()
    foreign = {theirs.manager.id, theirs.key().id, theirs.mcp()}
    assert foreign <= seen(ours.client)
    assert ours.client.get(f"/v1/api-keys/{theirs.manager.id}").data["id"] == theirs.manager.id
