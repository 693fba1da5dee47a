"""Expiry under a wrong clock: every API process decides by the clock of the database."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import httpx2
import pytest

from embedded.valkey import Valkey
from infrastructure.clock import now
from tests.app.client import Response
from tests.app.metrics_text import scrape, value
from tests.app.organizations import Api, Database
from tests.app.people import COOKIE, person
from tests.app.serving import Server
from tests.waiting import eventually
from tests.wrong_clock import ahead


@pytest.fixture(scope="module", params=[600.0, -600.0], ids=["fast", "slow"])
def skewed(
    request: pytest.FixtureRequest, api: Api, valkey: Valkey, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Api]:
    """A second API over the same database, whose clock is ten minutes fast or slow."""
    seconds: float = request.param
    settings = {**ahead(seconds), "KEYLEDGER_MASTER_KEY": api.server.master_key}
    server = Server(api.database.url, valkey.url, tmp_path_factory.mktemp("skewed") / "api.log", settings)
    server.start()
    try:
        with closing(Database(api.database.url)) as database, httpx2.Client(base_url=server.url) as http:
            yield Api(server, database, http)
    finally:
        server.stop()


def code_of(skewed: Api, caller: str, secret: str) -> str:
    """Verify a key with the skewed API and return the code."""
    data = skewed.client(caller).post("/v1/api-keys/verify", {"key": secret}).data
    code: str = data["code"]
    return code


def test_a_key_expires_at_its_instant_in_every_process(api: Api, skewed: Api) -> None:
    org = api.organization()
    good = org.seeded_key(expires_at=now() + timedelta(minutes=5))
    expired = org.expired_key()
    assert [code_of(skewed, org.manager.secret, key.secret) for key in (good, expired)] == ["valid", "expired_key"]
    # Both the first request of a process and later ones.
    assert code_of(skewed, org.manager.secret, good.secret) == "valid"
    ((recorded,),) = api.database.rows(
        "select max(occurred_at) - clock_timestamp() from usage_events where key_id = %s", good.id
    )
    assert abs(recorded) < timedelta(minutes=1)


def test_an_overlap_ends_at_its_instant_in_every_process(api: Api, skewed: Api) -> None:
    org = api.organization()
    key = org.seeded_key(expires_at=now() + timedelta(days=1))
    rotated = skewed.client(org.manager.secret).post(f"{key.path}/rotate", {"overlap_seconds": 300}).data
    assert org.verify(key.secret)["code"] == "valid"
    assert code_of(skewed, org.manager.secret, key.secret) == "valid"
    ((until,),) = api.database.rows("select %s::timestamptz - clock_timestamp()", rotated["previous_valid_until"])
    assert timedelta(minutes=4) < until <= timedelta(minutes=5)
    own = api.organization().seeded_key()
    org.client.post(f"{key.path}/rotate", {"overlap_seconds": 0})
    assert code_of(skewed, org.manager.secret, key.secret) == "revoked_key"
    assert code_of(skewed, org.manager.secret, own.secret) == "unauthorized"


def test_times_in_requests_are_compared_with_the_clock_of_the_database(api: Api, skewed: Api) -> None:
    org = api.organization()
    client, minute = skewed.client(org.manager.secret), timedelta(minutes=1)

    def create(ends: timedelta) -> Response:
        return client.post("/v1/api-keys", {"name": "Short", "expires_at": (now() + ends).isoformat()})

    def status_of_selection(before: timedelta) -> int:
        body = {"created_before": (now() + before).isoformat(), "reason": "superseded"}
        return client.post("/v1/api-keys/revoke", body).status

    ending = create(5 * minute).data
    assert abs(datetime.fromisoformat(ending["created_at"]) - now()) < minute
    assert ending["status"] == "active"
    refused = create(-5 * minute)
    assert (refused.status, list(refused.details)) == (422, ["expires_at"])
    assert (status_of_selection(-minute), status_of_selection(9 * minute)) == (200, 422)
    assert client.get("/v1/api-keys", {"expiring_within_days": 1}).json["pagination"]["total"] == 1


def test_a_session_ends_at_its_instant(api: Api, skewed: Api) -> None:
    org = api.organization()

    def status(ends: str) -> int:
        user = person(api, org.id)
        api.database.rows(
            "update sessions set expires_at = clock_timestamp() + %s::interval where user_id = %s", ends, user.id
        )
        return skewed.client(Cookie=f"{COOKIE}={user.secret}").get("/v1/session").status

    assert [status(ends) for ends in ("5 minutes", "-5 minutes")] == [200, 401]


def test_an_api_with_a_wrong_clock_records_no_expiry(api: Api, skewed: Api) -> None:
    """At the key limit, the API records the expiry of expired keys, which cannot be undone."""
    org = api.organization("free")
    expired = org.expired_key()
    refused = skewed.client(org.manager.secret).post("/v1/api-keys", {"name": "One more"})
    assert (refused.status, refused.code) == (403, "key_limit_reached")
    assert api.events_of(expired.id) == ["api_key.created"]
    assert org.client.post("/v1/api-keys", {"name": "One more"}).status == 201
    assert api.events_of(expired.id) == ["api_key.created", "api_key.expired"]


def test_a_wrong_clock_is_reported(skewed: Api) -> None:
    def clock_check() -> str:
        checks: dict[str, str] = skewed.client().get("/health/ready").data["checks"]
        return checks["clock"]

    eventually(lambda: "the clock of this server is 600.0 s" in clock_check())
    assert skewed.client().get("/health/ready").data["status"] == "degraded"
    assert 599 < abs(value(scrape(skewed), "keyledger_clock_ahead_seconds", process="api")) < 601
    assert '"event":"clock_differs"' in skewed.server.log.read_text().replace(" ", "")
