"""Checks on every list. The lists come from the operations of the document, so a new list is included."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from app.route import Route
from app.routes import ROUTES
from domain.actor import EXPIRY_ALERTS
from domain.alerts.commands import RaiseAlert
from infrastructure.clock import new_id, now
from infrastructure.database.connections import WORKER_ROLE, pool
from tests.app.api.usage.usage_data import count, record
from tests.app.client import Response
from tests.app.organizations import Api, Organization
from tests.app.people import person
from tests.projections.usage.uses import used
from workers.raise_alert import raise_alert

LISTS = {route.path: route for route in ROUTES if route.paging is not None}

each = pytest.mark.parametrize("path", LISTS)
numbered = pytest.mark.parametrize("path", [path for path, each in LISTS.items() if each.paging == "pages"])

ITEMS = 4


class World:
    """An organization with four of everything that is listed."""

    def __init__(self, api: Api) -> None:
        self.org = org = api.organization("enterprise")
        # Requests with a key would be items of the list of activity.
        self.reader = person(api, org.id, "owner").client
        watched, webhook_id = org.key(), ""
        for number in range(ITEMS):
            org.key()
            org.mcp()
            org.verify(watched.secret)
            person(api, org.id)
            at = now() - timedelta(days=number)
            record(api, at, [used(watched.id, at, organization_id=org.id, billed=True)])
            org.client.post("/v1/organization/members/invite", {"email": f"{number}@example.com", "role": "viewer"})
            webhook: Any = org.client.post("/v1/webhooks", {"url": "https://example.com/hooks"}).data
            webhook_id: str = webhook["id"]
        count(api)
        self.ids = {"key_id": watched.id, "webhook_id": webhook_id}
        api.database.run(_raise_alerts(api, org, watched.id))
        for _ in range(ITEMS):
            api.database.rows(
                """insert into webhook_deliveries (delivery_id, organization_id, webhook_id, event_id, position,
                subject, event, body, created_at, due_at)
                values (%s, %s, %s, %s, 1, '', 'api_key.created', '{}', now(), now())""",
                new_id("msg"),
                org.id,
                webhook_id,
                new_id("evt"),
            )

    def get(self, path: str, **params: object) -> Response:
        return self.reader.get(path.format(**self.ids), params)

    def pages(self, path: str, per_page: int) -> Iterator[Response]:
        answer = self.get(path, per_page=per_page)
        yield answer
        while cursor := answer.json["pagination"]["next_cursor"]:
            answer = self.get(path, per_page=per_page, cursor=cursor)
            yield answer


async def _raise_alerts(api: Api, org: Organization, key_id: str) -> None:
    async with pool(api.database.url, role=WORKER_ROLE) as connections:
        for days in range(ITEMS):
            alert = RaiseAlert(new_id("alert"), org.id, "api_key.expiring", "warning", now(), key_id, {"days": days})
            assert await raise_alert(connections, EXPIRY_ALERTS, alert)


@pytest.fixture(scope="module")
def world(api: Api) -> World:
    return World(api)


@pytest.fixture(scope="module")
def others(api: Api) -> World:
    return World(api)


def test_every_operation_with_pages_is_in_the_lists() -> None:
    assert {"/v1/api-keys", "/v1/audit/events", "/v1/usage/history"} <= set(LISTS)
    assert not {route.path for route in ROUTES if _has_pages(route)} - set(LISTS)


def _has_pages(route: Route) -> bool:
    return route.query is not None and "per_page" in route.query.__struct_fields__


@each
def test_all_pages_by_cursor_together_contain_every_item_once(world: World, path: str) -> None:
    whole = world.get(path, per_page=100).data
    assert len(whole) >= ITEMS
    pages = list(world.pages(path, 3))
    assert [item for page in pages for item in page.data] == whole
    assert len(pages) == -(-len(whole) // 3)
    for page in pages[:-1]:
        assert page.headers["link"].endswith('; rel="next"')
        assert world.org.client.get(page.headers["link"][1 : page.headers["link"].index(">")]).status == 200
    assert "link" not in pages[-1].headers


@numbered
def test_pages_by_number_contain_the_same_items(world: World, path: str) -> None:
    whole = world.get(path, per_page=100).data
    second = world.get(path, per_page=2, page=2)
    assert second.data == whole[2:4]
    assert (second.json["pagination"]["page"], second.json["pagination"]["total"]) == (2, len(whole))
    cursor = world.get(path, per_page=2).json["pagination"]["next_cursor"]
    assert world.get(path, page=2, cursor=cursor).details == {"cursor": "Send either page or cursor, not both"}
    assert set(world.get(path, page=0).details) == {"page"}


@each
def test_a_cursor_is_valid_only_for_its_own_list_and_organization(world: World, others: World, path: str) -> None:
    cursors = [other.get(path, per_page=1).json["pagination"]["next_cursor"] for other in (world, others)]
    elsewhere = "/v1/mcps" if path == "/v1/api-keys" else "/v1/api-keys"
    middle = len(cursors[0]) // 2
    tampered = cursors[0][:middle] + ("A" if cursors[0][middle] != "A" else "B") + cursors[0][middle + 1 :]
    for cursor in (
        cursors[1],
        world.get(elsewhere, per_page=1).json["pagination"]["next_cursor"],
        tampered,
        "nonsense",
        "",
    ):
        refused = world.get(path, cursor=cursor)
        assert (refused.status, refused.code, set(refused.details)) == (422, "validation_error", {"cursor"}), cursor


@each
@pytest.mark.parametrize("per_page", ["0", "101", "-1", "x", ""])
def test_a_page_has_1_to_100_items(world: World, path: str, per_page: str) -> None:
    refused = world.get(path, per_page=per_page)
    assert (refused.status, set(refused.details)) == (422, {"per_page"})


@each
def test_an_unknown_filter_is_named_in_the_refusal(world: World, path: str) -> None:
    assert world.get(path, surprise="1").details == {"surprise": "Unknown field"}
