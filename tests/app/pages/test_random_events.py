"""Random keys, changes and uses: the pages show what the API returns, which is compared through HTTP."""

import html
import random
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from app.http.error_catalogue import ERRORS
from app.pages.parts.activity_table import OUTCOMES
from app.pages.wording.text import instant
from app.pages.wording.words import KEY_EVENTS, STATUSES
from infrastructure.clock import now
from tests.app.browser import Browser
from tests.app.organizations import Api, unknown_secret
from tests.app.pages.conftest import OpenAs
from tests.app.people import person
from tests.app.random_changes import change_something, some_keys, some_servers
from tests.random_input import random_seed
from tests.ui.data import HARD_NAME

STEPS = 120
FILTERED = 12
"""Random filters of each list that are compared."""


class History:
    """An organization in which much happened, its owner, and a browser of theirs."""

    def __init__(self, api: Api, dice: random.Random) -> None:
        self.dice = dice
        self.org = api.organization()
        self.owner = person(api, self.org.id, "owner")
        self.servers = some_servers(self.org)
        keys = some_keys(dice, self.org, self.servers)
        keys.append(self.org.key(name=HARD_NAME))
        self.key_ids = [key.id for key in keys]
        for _ in range(STEPS):
            if dice.random() < 0.3:
                change_something(dice, self.org, keys, self.servers)
            else:
                secret = unknown_secret() if dice.random() < 0.1 else dice.choice(keys).secret
                self.org.verify(secret, mcp_id=dice.choice(self.servers), tool=dice.choice(("get_user", "list")))

    def listed(self, path: str, query: Mapping[str, object] | None = None) -> list[Any]:
        """Return the first 50 items of a list of the API, which a page shows too."""
        listed: list[Any] = self.owner.client.get(path, {"per_page": 50, **(query or {})}).data
        return listed


@pytest.fixture(scope="module")
def history(api: Api) -> History:
    return History(api, random.Random(random_seed()))  # noqa: S311 -- no secret


@pytest.fixture
def window(history: History, open_as: OpenAs) -> Browser:
    return open_as(history.owner)


def text_of(fragment: str) -> str:
    """Return the text of a part of a page."""
    return html.unescape(" ".join(re.sub(r"<[^>]+>", " ", fragment.replace("<wbr>", "")).split()))


def rows(page: str) -> list[str]:
    """Return the rows of the table of a page, without its head."""
    _, _, body = page.partition("<tbody")
    return re.findall(r"<tr.*?</tr>", body.partition("</tbody>")[0], re.DOTALL)


def address(path: str, query: Mapping[str, object]) -> str:
    return f"{path}?{'&'.join(f'{name}={value}' for name, value in query.items())}"


def some_of(dice: random.Random, filters: Mapping[str, list[str]]) -> dict[str, object]:
    """Return one or two random filters with random values."""
    return {name: dice.choice(filters[name]) for name in dice.sample(sorted(filters), dice.randrange(1, 3))}


def shown_status(key: Any) -> str:  # noqa: ANN401 -- JSON
    """Return the word of the badge. No key of the history expires."""
    return STATUSES["rotating" if key["status"] == "active" and key.get("rotating_until") else key["status"]]


def test_the_list_of_keys_is_that_of_the_api(history: History, window: Browser) -> None:
    filters = {
        "status": ["active", "disabled", "revoked"],
        "environment": ["live", "test"],
        "mcp_id": history.servers,
        "created_by": [history.org.manager.id],
        "q": ["key", "renamed", "pk_live"],
        "sort": ["name", "last_used", "created_at"],
        "order": ["asc", "desc"],
    }
    for query in ({}, *(some_of(history.dice, filters) for _ in range(FILTERED))):
        listed = history.listed("/v1/api-keys", query)
        shown = rows(window.go(address("/keys", query)).text)
        assert [re.search(r"/keys/(key_\w+)", row)[1] for row in shown] == [key["id"] for key in listed], query  # pyright: ignore[reportOptionalSubscript]
        for key, row in zip(listed, map(text_of, shown), strict=True):
            assert f"Select {key['name']} {key['name']} {key['prefix']} … to {key['last4']}" in row
            assert row.endswith(shown_status(key)), (key, row)
            assert key["created_by"].get("name", "an operator") in row
            assert ("Never" in row) >= (key["last_used"] is None)


def test_the_page_of_a_key_is_that_of_the_api(history: History, window: Browser) -> None:
    for key_id in history.key_ids:
        key = history.owner.client.get(f"/v1/api-keys/{key_id}").data
        page = window.go(f"/keys/{key_id}").text
        text = text_of(page)
        assert f"<h1>{html.escape(key['name'], quote=False)}</h1>".replace("'", "&#39;") in page
        assert f"Revision {key['revision']} · All changes" in text
        for word in (key["description"], *key["allowed_ips"]):
            assert word in text
        is_rotating = len([each for each in key["secrets"] if _is_valid(each)]) > 1
        assert f"</h1>{_badge('rotating' if key['status'] == 'active' and is_rotating else key['status'])}" in page
        versions = re.findall(r">Version (\d+)</a>", page)
        assert versions == [str(secret["version"]) for secret in key["secrets"]]


def _is_valid(secret: Any) -> bool:  # noqa: ANN401 -- JSON
    return secret["valid_until"] is None or secret["valid_until"] > now().isoformat()


def _badge(status: str) -> str:
    return f'<span class="badge badge-{status}">'


def assert_activity(entries: list[Any], shown: list[str]) -> None:
    """Fail unless the rows are those entries, in order, with their outcomes, reasons, tools and addresses."""
    assert [re.search(r'id="(evt_\w+)"', row)[1] for row in shown] == [entry["id"] for entry in entries]  # pyright: ignore[reportOptionalSubscript]
    for entry, row in zip(entries, map(text_of, shown), strict=True):
        if entry["event"] == "api_key.used":
            assert OUTCOMES[entry["status"]].text in row
            reason = ERRORS[entry["reason"]].title if "reason" in entry else ""
            for word in (entry.get("tool", ""), entry.get("mcp_name", ""), reason, entry["ip"] or "Unknown"):
                assert word in row
        else:
            assert f"Change {KEY_EVENTS[entry['event']]} by " in row


def test_the_activity_of_a_key_is_that_of_the_api(history: History, window: Browser) -> None:
    filters = {
        "status": ["success", "denied"],
        "reason": ["revoked_key", "tool_not_permitted", "mcp_not_permitted", "disabled_key"],
        "mcp_id": history.servers,
        "tool": ["get_user", "list"],
        "secret_version": ["1", "2"],
    }
    for key_id in history.key_ids:
        for query in ({}, *(some_of(history.dice, filters) for _ in range(3))):
            entries = history.listed(f"/v1/api-keys/{key_id}/activity", query)
            assert_activity(entries, rows(window.go(address(f"/keys/{key_id}/activity", query)).text))


def test_the_activity_of_all_keys_is_that_of_the_api(history: History, window: Browser) -> None:
    filters = {
        "status": ["success", "denied"],
        "reason": ["unauthorized", "revoked_key", "tool_not_permitted", "mcp_not_permitted"],
        "mcp_id": history.servers,
        "tool": ["get_user", "list"],
        "action": ["verify", "check"],
    }
    for query in ({}, *(some_of(history.dice, filters) for _ in range(FILTERED))):
        entries = history.listed("/v1/activity", query)
        shown = rows(window.go(address("/activity", query)).text)
        assert_activity(entries, shown)
        for entry, row in zip(entries, map(text_of, shown), strict=True):
            assert (entry["key"]["name"] if "key" in entry else "Unknown key") in row


def test_the_audit_log_is_that_of_the_api(history: History, window: Browser) -> None:
    filters = {
        "type": ["api_key.rotated", "api_key.created", "api_key.disabled", "mcp.updated", "mcp.deactivated"],
        "actor": [history.org.manager.id],
        "resource": [*history.key_ids, *history.servers],
    }
    for query in ({}, *(some_of(history.dice, filters) for _ in range(FILTERED))):
        events = history.listed("/v1/audit/events", query)
        shown = rows(window.go(address("/audit", query)).text)
        assert [re.search(r"/audit/(evt_\w+)", row)[1] for row in shown] == [event["id"] for event in events], query  # pyright: ignore[reportOptionalSubscript]
        for event, row in zip(events, map(text_of, shown), strict=True):
            name = event["resource"].get("name") or ""
            time = instant(datetime.fromisoformat(event["timestamp"]))
            for word in (event["event"], event["actor"].get("name") or "", name, time, event["ip"] or "Keyledger"):
                assert word in row, (event, row)
