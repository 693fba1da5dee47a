"""Deletion and restoration of an organization, as its owner and the operator do it, for tests of the API."""

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, TypeVar

from infrastructure.database.connections import WORKER_ROLE, Pool, pool
from tests.app.client import Response
from tests.app.organizations import Api
from tests.app.people import Person
from tests.seed import slug_of
from tests.workers.deletions import delete_organization, restore_organization

T = TypeVar("T")


def delete(owner: Person, **headers: str) -> Response:
    return owner.client.delete("/v1/organization", {"confirm": slug_of(owner.organization_id)}, **headers)


def delete_at(api: Api, organization_id: str, at: datetime) -> None:
    """Delete the organization at an earlier time."""
    as_worker(api, lambda connections: delete_organization(connections, organization_id, at))


def restored(api: Api, organization_id: str) -> None:
    as_worker(api, lambda connections: restore_organization(connections, organization_id))


def as_worker(api: Api, action: Callable[[Pool], Coroutine[Any, Any, T]]) -> T:
    """Run an action as an operator's command or a job does, which see all organizations."""

    async def run() -> T:
        async with pool(api.database.url, role=WORKER_ROLE) as connections:
            return await action(connections)

    return api.database.run(run())
