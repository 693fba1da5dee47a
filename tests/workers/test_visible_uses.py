"""A use is seen soon after it, at a real API with real workers behind it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from eventstore.clock import now
from tests.app.organizations import Api, Database, Key, Organization
from tests.app.serving import Server
from tests.patience import stretched
from tests.workers.conftest import Start

USES = 5


@pytest.fixture
def org(database_url: str, redis_url: str, tmp_path: Path) -> Iterator[Organization]:
    server = Server(database_url, redis_url, tmp_path / "api.log", {"KEYLEDGER_PATIENCE_SECONDS": "15"})
    server.start()
    try:
        with closing(Database(database_url)) as database, httpx2.Client(base_url=server.url) as http:
            yield Api(server, database, http).organization()
    finally:
        server.stop()


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Fails after `seconds`, or later on a busy machine."""
    deadline = time.monotonic() + stretched(seconds)
    while not holds():
        assert time.monotonic() < deadline, "it was not to be seen"
        time.sleep(0.05)


def is_seen(org: Organization, key: Key, uses: int) -> bool:
    """Wherever the uses of a key are told, its last one is among them."""
    detail = org.detail(key)
    listed = org.client.get("/v1/api-keys", {"sort": "last_used", "order": "desc"}).data
    newest = next(each for each in listed if each["name"] == "Deploy")
    since = {"start_date": (now() - timedelta(days=1)).date().isoformat()}
    of_key = org.client.get(f"{key.path}/usage", since).data
    of_organization = org.client.get("/v1/usage", since).data
    last = org.activity(key)[0]
    return (
        newest["id"] == key.id
        and {detail["last_used"], newest["last_used"]} == {last["timestamp"]}
        and {detail["usage"]["total_requests"], newest["usage"]["total_requests"], of_key["total_requests"]} == {uses}
        and {"key_id": key.id, "name": "Deploy", "requests": uses} in of_organization["by_key"]
    )


def test_a_use_is_seen_within_two_seconds(org: Organization, start: Start) -> None:
    start("run")
    start("schedule")
    keys = (org.key(), org.key())
    for number in range(USES):
        key, uses = keys[number % 2], number // 2 + 1
        assert org.verify(key.secret)["valid"]
        # The first is for the processes to be up.
        within(2 if number else 20, lambda key=key, uses=uses: is_seen(org, key, uses))
