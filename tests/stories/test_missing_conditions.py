"""Row-level security protects other organizations even if every statement lacks its condition on the organization.

To show that the test is effective, the same build without row-level security shows everything.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import httpx2
import pytest

from tests.app.client import Client, Response
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


def listed_ids(client: Client) -> set[str]:
    """Return the ids of everything in the lists that a key can read."""
    found: set[str] = set()
    for path in ("/v1/api-keys", "/v1/api-keys?q=de", "/v1/api-keys?sort=name", "/v1/mcps", "/v1/audit/events"):
        answer: Any = client.get(path).json
        found |= {item["resource"]["id"] if "resource" in item else item["id"] for item in answer["data"]}
    return found


def attempt_everything(client: Client, key_id: str, mcp_id: str) -> list[Response]:
    """Send every request that reads or changes a key and an MCP, and return the responses."""
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
    """Two organizations on a server without the conditions, and the ids that belong to the second one."""
    api = serve("unfiltered")
    ours, theirs = api.organization(), api.organization()
    return ours, theirs, {theirs.manager.id, theirs.key().id, theirs.mcp()}


def test_a_missing_condition_shows_nothing_of_another_organization(
    two: tuple[Organization, Organization, set[str]],
) -> None:
    ours, theirs, foreign = two
    own = {ours.manager.id, ours.key().id, ours.mcp()}
    assert own <= listed_ids(ours.client)
    assert foreign <= listed_ids(theirs.client)
    assert not listed_ids(ours.client) & foreign
    assert ours.client.get("/v1/api-keys").json["pagination"]["total"] == 2


def test_a_missing_condition_changes_nothing_in_another_organization(
    two: tuple[Organization, Organization, set[str]],
) -> None:
    """Each response equals that for a nonexistent resource, byte for byte except the request id."""
    ours, theirs, _ = two
    key, mcp_id = theirs.key(), theirs.mcp()
    before = [theirs.detail(key), theirs.client.get(f"/v1/mcps/{mcp_id}").data]
    absent = attempt_everything(ours.client, ABSENT_KEY, ABSENT_MCP)
    foreign = attempt_everything(ours.client, key.id, mcp_id)
    assert {answer.status for answer in absent} == {404}
    assert [answer.without_request_id for answer in foreign] == [answer.without_request_id for answer in absent]
    bulk = ours.client.post("/v1/api-keys/revoke", {"ids": [key.id], "reason": "unspecified", "dry_run": False})
    assert (bulk.status, list(bulk.details)) == (422, ["ids"])
    assert [theirs.detail(key), theirs.client.get(f"/v1/mcps/{mcp_id}").data] == before


def test_without_row_level_security_the_same_build_shows_everything(serve: Serve) -> None:
    api = serve("unfiltered_without_policies")
    ours, theirs = api.organization(), api.organization()
    foreign = {theirs.manager.id, theirs.key().id, theirs.mcp()}
    assert foreign <= listed_ids(ours.client)
    assert ours.client.get(f"/v1/api-keys/{theirs.manager.id}").data["id"] == theirs.manager.id
