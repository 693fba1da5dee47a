"""Idempotency-Key: a repeated request has one effect."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.processes import wait_for
from tests.app.client import Response, concurrently
from tests.app.conftest import StartApi
from tests.app.organizations import Api, Organization
from tests.waiting import stretched

POSTS: dict[str, tuple[str, dict[str, object]]] = {
    "create": ("/v1/api-keys", {"name": "Deploy"}),
    "rotate": ("/v1/api-keys/{id}/rotate", {"overlap_seconds": 60}),
    "disable": ("/v1/api-keys/{id}/disable", {}),
    "enable": ("/v1/api-keys/{id}/enable", {}),
    "revoke": ("/v1/api-keys/{id}/revoke", {"reason": "superseded"}),
    "register": ("/v1/mcps", {"name": "Files", "endpoint_url": "https://mcp.example.com/mcp"}),
}

posts = pytest.mark.parametrize("post", POSTS)


def _post(org: Organization, post: str) -> tuple[str, dict[str, object]]:
    path, body = POSTS[post]
    return path.replace("{id}", org.key().id), body


@posts
def test_a_repeated_request_gets_the_first_response_and_changes_nothing(api: Api, org: Organization, post: str) -> None:
    path, body = _post(org, post)
    first = org.client.post(path, body, idempotency_key="k")
    events = _events(api, org)
    second = org.client.post(path, body, idempotency_key="k")
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert second.status == first.status
    assert second.data == first.data | ({"key": None} if "key" in first.data else {})
    for header in ("x-revision", "etag"):
        assert second.headers[header] == first.headers[header]
    assert _events(api, org) == events


@pytest.mark.parametrize("post", ["create", "rotate"])
def test_neither_the_repeated_response_nor_the_database_contains_the_secret(
    api: Api, org: Organization, post: str
) -> None:
    path, body = _post(org, post)
    secret = org.client.post(path, body, idempotency_key="k").data["key"]
    repeated = org.client.post(path, body, idempotency_key="k")
    assert repeated.data["key"] is None
    assert secret not in repeated.content.decode()
    (answer,) = api.database.rows("select answer from idempotency_keys where caller = %s", org.manager.id)
    assert secret.encode() not in answer[0]


@posts
def test_another_body_with_the_same_key_is_refused(api: Api, org: Organization, post: str) -> None:
    path, body = _post(org, post)
    assert org.client.post(path, body, idempotency_key="k").status < 300
    events = _events(api, org)
    refused = org.client.request(
        "POST", path, content=_reformatted(body), headers={"Idempotency-Key": "k", "Content-Type": "application/json"}
    )
    assert (refused.status, refused.code) == (422, "idempotency_mismatch")
    assert _events(api, org) == events


def test_another_route_with_the_same_key_is_refused(org: Organization) -> None:
    key = org.key()
    org.client.post(f"{key.path}/disable", idempotency_key="k")
    assert org.client.post(f"{key.path}/enable", idempotency_key="k").code == "idempotency_mismatch"


def test_a_key_belongs_to_its_caller(org: Organization) -> None:
    other = org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS)).client
    mine = org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="k")
    theirs = other.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="k")
    assert mine.data["id"] != theirs.data["id"]
    assert "idempotency-replayed" not in theirs.headers


def test_requests_with_different_keys_are_different_requests(org: Organization) -> None:
    ids = {org.client.post("/v1/api-keys", {"name": "D"}, idempotency_key=key).data["id"] for key in ("a", "b", "A")}
    assert len(ids) == 3


def test_a_key_can_be_reused_after_24_hours(api: Api, org: Organization) -> None:
    def create(name: str) -> Any:  # noqa: ANN401 -- JSON
        return org.client.post("/v1/api-keys", {"name": name}, idempotency_key="k")

    def age(interval: str) -> None:
        query = "update idempotency_keys set answered_at = now() - %s::interval where caller = %s"
        api.database.rows(query, interval, org.manager.id)

    first = create("Deploy").data["id"]
    age("23 hours 59 minutes")
    assert create("Deploy").data["id"] == first
    age("24 hours 1 second")
    again = create("Another")
    assert "idempotency-replayed" not in again.headers
    assert again.data["id"] != first
    assert create("Another").data["id"] == again.data["id"]


def test_a_repeated_request_is_refused_while_the_first_is_running(api: Api, org: Organization) -> None:
    """A lock on the organization's guard row blocks a creation. The repeated request does not wait for the lock."""

    def create() -> Response:
        return org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="k")

    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with psycopg.connect(api.database.url) as holder, ThreadPoolExecutor(1) as threads:
        holder.execute("select 1 from organization_guard where organization_id = %s for update", (org.id,))
        running = threads.submit(create)
        while not running.done() and not api.database.rows(waiting):
            pass
        repeated = create()
        holder.rollback()
    assert (repeated.status, repeated.code) == (409, "idempotency_in_flight")
    assert repeated.headers["retry-after"] == "1"
    assert running.result().status == 201
    assert create().headers["idempotency-replayed"] == "true"
    assert org.client.get("/v1/api-keys").json["pagination"]["total"] == 2


def test_a_change_that_times_out_is_unavailable_and_can_be_repeated(start_api: StartApi) -> None:
    api = start_api(KEYLEDGER_REQUEST_TIMEOUT_SECONDS="0.5")
    org = api.organization()
    with psycopg.connect(api.database.url) as holder:
        holder.execute("select 1 from organization_guard where organization_id = %s for update", (org.id,))
        refused = org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="k")
        holder.rollback()
    assert (refused.status, refused.code) == (503, "unavailable")

    def is_made() -> bool:
        return org.client.post("/v1/api-keys", {"name": "Deploy"}, idempotency_key="k").status == 201

    assert wait_for(is_made, stretched(20))
    assert org.client.get("/v1/api-keys").json["pagination"]["total"] == 2


def test_concurrent_requests_with_one_key_have_one_effect(org: Organization) -> None:
    create = {"name": "Deploy"}
    answers = concurrently(range(16), lambda _: org.client.post("/v1/api-keys", create, idempotency_key="k"))
    made = [answer for answer in answers if answer.status == 201]
    assert {answer.code for answer in answers if answer.status != 201} <= {"idempotency_in_flight"}
    assert len({answer.data["id"] for answer in made}) == 1
    assert sum(answer.data["key"] is not None for answer in made) == 1


def test_a_refused_request_can_be_repeated_with_the_same_key(api: Api) -> None:
    org = api.organization("free")
    key = org.key()
    assert org.client.post("/v1/api-keys", {"name": "D"}, idempotency_key="k").code == "key_limit_reached"
    org.client.delete(key.path)
    assert org.client.post("/v1/api-keys", {"name": "D"}, idempotency_key="k").status == 201


@pytest.mark.parametrize("key", ["a", "~" * 255, "with space", '"quoted"'])
def test_a_key_is_1_to_255_printable_characters(org: Organization, key: str) -> None:
    org.client.post("/v1/api-keys", {"name": "D"}, idempotency_key=key)
    assert "idempotency-replayed" in org.client.post("/v1/api-keys", {"name": "D"}, idempotency_key=key).headers


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "tab\there"])
def test_a_malformed_key_is_named_in_the_refusal(org: Organization, key: str) -> None:
    headers = [(b"Idempotency-Key", key.encode("latin-1"))]
    refused = org.client.request("POST", "/v1/api-keys", {"name": "D"}, raw_headers=headers)
    assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"Idempotency-Key"})


def _reformatted(body: dict[str, object]) -> bytes:
    """Return the same JSON in different bytes; a repeated request must match to the byte."""
    return json.dumps(body).encode() + b" "


def _events(api: Api, org: Organization) -> int:
    return api.database.rows("select count(*) from events where organization_id = %s", org.id)[0][0]
