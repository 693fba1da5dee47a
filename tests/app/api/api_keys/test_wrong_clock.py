"""An API whose clock is wrong decides by the database's: what ends ends there, whichever process is asked."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import httpx2
import pytest

from infrastructure.clock import now
from tests.app.client import Answer
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api, Database
from tests.app.people import COOKIE, person
from tests.app.serving import Server
from tests.waiting import eventually
from tests.wrong_clock import ahead


@pytest.fixture(params=[600.0, -600.0], ids=["fast", "slow"])
def wrong(request: pytest.FixtureRequest, api: Api, redis_url: str, tmp_path: Path) -> Iterator[Api]:
    """A second API over the same database, whose clock is ten minutes fast or slow."""
    seconds: float = request.param
    settings = {**ahead(seconds), "KEYLEDGER_MASTER_KEY": api.server.master_key}
    server = Server(api.database.url, redis_url, tmp_path / "wrong.log", settings)
    server.start()
    try:
        with closing(Database(api.database.url)) as database, httpx2.Client(base_url=server.url) as http:
            yield Api(server, database, http)
    finally:
        server.stop()


def of(wrong: Api, secret: str, asked: str) -> str:
    """What the API with the wrong clock says of a key."""
    data = wrong.client(secret).post("/v1/api-keys/verify", {"key": asked}).data
    code: str = data["code"]
    return code


def test_a_key_ends_at_its_instant_and_no_process_says_otherwise(api: Api, wrong: Api) -> None:
    org = api.organization()
    good = org.seeded_key(expires_at=now() + timedelta(minutes=5))
    over = org.expired_key()
    assert [of(wrong, org.manager.secret, key.secret) for key in (good, over)] == ["valid", "expired_key"]
    # The very first request of a process, and each after that.
    assert of(wrong, org.manager.secret, good.secret) == "valid"
    ((recorded,),) = api.database.rows(
        "select max(occurred_at) - clock_timestamp() from usage_events where key_id = %s", good.id
    )
    assert abs(recorded) < timedelta(minutes=1)


def test_an_overlap_that_one_process_began_ends_in_another_at_its_instant(api: Api, wrong: Api) -> None:
    org = api.organization()
    key = org.seeded_key(expires_at=now() + timedelta(days=1))
    rotated = wrong.client(org.manager.secret).post(f"{key.path}/rotate", {"overlap_seconds": 300}).data
    assert org.verify(key.secret)["code"] == "valid"
    assert of(wrong, org.manager.secret, key.secret) == "valid"
    ((until,),) = api.database.rows("select %s::timestamptz - clock_timestamp()", rotated["previous_valid_until"])
    assert timedelta(minutes=4) < until <= timedelta(minutes=5)
    own = api.organization().seeded_key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})
    assert of(wrong, org.manager.secret, key.secret) == "revoked_key"
    assert of(wrong, org.manager.secret, own.secret) == "unauthorized"


def test_what_is_asked_for_is_measured_by_the_clock_of_the_database(api: Api, wrong: Api) -> None:
    org = api.organization()
    client, minute = wrong.client(org.manager.secret), timedelta(minutes=1)

    def made(ends: timedelta) -> Answer:
        return client.post("/v1/api-keys", {"name": "Short", "expires_at": (now() + ends).isoformat()})

    def selected(before: timedelta) -> int:
        body = {"created_before": (now() + before).isoformat(), "reason": "superseded"}
        return client.post("/v1/api-keys/revoke", body).status

    ending = made(5 * minute).data
    assert abs(datetime.fromisoformat(ending["created_at"]) - now()) < minute
    assert ending["status"] == "active"
    refused = made(-5 * minute)
    assert (refused.status, list(refused.details)) == (422, ["expires_at"])
    assert (selected(-minute), selected(9 * minute)) == (200, 422)
    assert client.get("/v1/api-keys", {"expiring_within_days": 1}).json["pagination"]["total"] == 1


def test_a_session_ends_at_its_instant(api: Api, wrong: Api) -> None:
    org = api.organization()

    def status(ends: str) -> int:
        who = person(api, org.id)
        api.database.rows(
            "update sessions set expires_at = clock_timestamp() + %s::interval where user_id = %s", ends, who.id
        )
        return wrong.client(Cookie=f"{COOKIE}={who.secret}").get("/v1/session").status

    assert [status(ends) for ends in ("5 minutes", "-5 minutes")] == [200, 401]


def test_an_api_with_a_wrong_clock_records_no_expiry(api: Api, wrong: Api) -> None:
    """Where the plan is used up, an API records the expiry of keys that are past it. That cannot be taken back."""
    org = api.organization("free")
    over = org.expired_key()
    refused = wrong.client(org.manager.secret).post("/v1/api-keys", {"name": "One more"})
    assert (refused.status, refused.code) == (403, "key_limit_reached")
    assert api.events_of(over.id) == ["api_key.created"]
    assert org.client.post("/v1/api-keys", {"name": "One more"}).status == 201
    assert api.events_of(over.id) == ["api_key.created", "api_key.expired"]


def test_a_wrong_clock_is_reported(wrong: Api) -> None:
    def said() -> str:
        checks: dict[str, str] = wrong.client().get("/health/ready").data["checks"]
        return checks["clock"]

    eventually(lambda: "the clock of this server is 600.0 s" in said())
    assert wrong.client().get("/health/ready").data["status"] == "degraded"
    assert 599 < abs(value(scrape(wrong), "keyledger_clock_ahead_seconds", process="api")) < 601
    assert '"event":"clock_differs"' in wrong.server.log.read_text().replace(" ", "")
