"""The demo data at an instant that is the same in every run, and the screens that show it."""

import asyncio
import random
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from app.admin.demo_data.create import USES, create_demo_data
from app.admin.demo_data.keys import LEAKED_NAME
from infrastructure.setting import API
from infrastructure.settings import Settings
from tests.ui.pages import Screen, key_path
from tests.ui.service import running_service
from tests.ui.site import Site

ENDS_AT = datetime(2026, 11, 25, 15, tzinfo=UTC)
"""The end of the history."""

SHOWN_AT = ENDS_AT + timedelta(minutes=4)
"""The instant that the service and the scripts of its pages take for the present."""


@contextmanager
def month_of_demo_data(uses: int = USES) -> Generator[Site]:
    """Start a service whose clock begins at SHOWN_AT, with the demo data."""
    with running_service(SHOWN_AT) as api:
        environment = {
            "DATABASE_URL": api.server.database_url,
            "REDIS_URL": api.server.redis_url,
            "KEYLEDGER_MASTER_KEY": api.server.master_key,
        }
        config = Settings.from_environment(environment, API)
        secrets = random.Random(1).randbytes  # noqa: S311 -- of a service that ends with this process
        made = asyncio.run(create_demo_data(config, ends_at=ENDS_AT, uses=uses, secrets=secrets))
        assert made is not None
        yield Site(api, made.organization_id)


def _first(section: str, **filters: str) -> Callable[[Site], str]:
    """Return the address of the page of the first item in the list of this section."""
    route = {"activity": "/v1/activity", "alerts": "/v1/alerts", "mcps": "/v1/mcps", "webhooks": "/v1/webhooks"}
    return lambda site: f"/{section}/{site.person('owner').client.get(route[section], filters).data[0]['id']}"


def _busiest_key(site: Site) -> str:
    """Return the address of the page of the key with the most requests."""
    keys = site.person("owner").client.get("/v1/usage").data["by_key"]
    return f"/keys/{keys[0]['key_id']}"


def _screen(name: str, route: str, path: Callable[[Site], str] | None = None) -> Screen:
    return Screen(f"month-{name}", route, role="owner", path=path)


MONTH_SCREENS = (
    _screen("overview", "/"),
    _screen("keys", "/keys"),
    _screen("keys-revoked", "/keys", lambda _: "/keys?status=revoked"),
    _screen("key", "/keys/{key_id}", _busiest_key),
    _screen("key-revoked", "/keys/{key_id}", key_path(LEAKED_NAME)),
    _screen("key-activity", "/keys/{key_id}/activity", key_path(LEAKED_NAME, "/activity")),
    _screen("key-usage", "/keys/{key_id}/usage", key_path(LEAKED_NAME, "/usage?days=30")),
    _screen("key-permissions", "/keys/{key_id}/permissions", key_path(LEAKED_NAME, "/permissions")),
    _screen("activity", "/activity"),
    _screen("activity-denied", "/activity", lambda _: "/activity?status=denied"),
    _screen("decision", "/activity/{event_id}", _first("activity", status="denied")),
    _screen("usage", "/usage"),
    _screen("usage-day", "/usage", lambda _: "/usage?days=1"),
    _screen("alerts", "/alerts"),
    _screen("alert", "/alerts/{alert_id}", _first("alerts", severity="critical")),
    _screen("mcps", "/mcps"),
    _screen("mcp", "/mcps/{mcp_id}", _first("mcps")),
    _screen("audit", "/audit"),
    _screen("webhooks", "/webhooks"),
    _screen("webhook", "/webhooks/{webhook_id}", _first("webhooks")),
    _screen("members", "/members"),
    _screen("settings", "/settings"),
)

README_SCREENS = (
    Screen("readme-keys", "/keys", role="owner"),
    Screen("readme-key", "/keys/{key_id}", role="owner", path=_busiest_key),
    Screen("readme-decision", "/activity/{event_id}", role="owner", path=_first("activity", status="denied")),
)
"""The pages that README.md shows."""
