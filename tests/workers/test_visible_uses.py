"""Uses become visible and raise alerts soon, with a real API and real workers."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from infrastructure.clock import now
from tests.app.organizations import Api, Key, Organization, unknown_secret
from tests.waiting import eventually
from tests.workers.conftest import Start

USES = 5


@pytest.fixture
def org(api: Api) -> Organization:
    return api.organization()


def is_seen(org: Organization, key: Key, uses: int) -> bool:
    """Return whether every view of the key's usage contains its last use."""
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


def test_a_use_is_visible_within_two_seconds(org: Organization, start: Start) -> None:
    start("run")
    start("schedule")
    keys = (org.key(), org.key())
    for number in range(USES):
        key, uses = keys[number % 2], number // 2 + 1
        assert org.verify(key.secret)["valid"]
        # The first wait includes the start of the processes.
        eventually(lambda key=key, uses=uses: is_seen(org, key, uses), 2 if number else 20)


def test_use_of_a_revoked_secret_raises_an_alert_with_its_count(org: Organization, start: Start) -> None:
    start("run")
    start("schedule")
    key = org.key()
    org.client.delete(key.path)
    # Refusals are counted by minute; both must be in the same one.
    while now().second >= 50:
        time.sleep(0.5)
    assert [org.verify(key.secret)["code"] for _ in range(2)] == ["revoked_key"] * 2
    eventually(lambda: org.client.get("/v1/alerts").data != [])
    (alert,) = org.client.get("/v1/alerts").data
    assert (alert["type"], alert["severity"], alert["key_id"]) == ("api_key.denied_burst", "warning", key.id)
    assert (alert["details"]["denied"], alert["details"]["most_frequent_reason"]) == (2, "revoked_key")
    assert alert["details"]["rule"] == "revoked_secret"


def test_unknown_keys_are_logged_for_the_operator_and_raise_no_alert(
    org: Organization, start: Start, tmp_path: Path
) -> None:
    start("run")
    start("schedule")
    client = org.api.client(unknown_secret())
    assert {client.get("/v1/api-keys").status for _ in range(20)} == {401}

    def logged() -> list[dict[str, Any]]:
        lines = [
            json.loads(line) for line in (tmp_path / "0.log").read_text().splitlines(keepends=True) if "\n" in line
        ]
        return [line for line in lines if line["event"] == "unknown_keys_presented"]

    eventually(lambda: logged() != [])
    (line,) = logged()
    assert (line["level"], line["denied"], line["address"]) == ("warning", 20, "127.0.0.1")
    assert org.client.get("/v1/alerts").data == []
