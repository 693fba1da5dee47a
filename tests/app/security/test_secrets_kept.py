"""I11: no secret and no upstream credential is in any log line, event, stored answer, table or job.

Everything that a test server leaves behind is looked through when it stops (tests/app/conftest.py). Here it is shown
that the look finds what is there, and that the ways on which a secret could get lost were all walked.
"""

import zlib
from typing import Any

import pytest
import redis

from app.security.sessions import LINK_PREFIX, SECRET_PREFIX, new_secret
from embedded.postgres import SUPERUSER, PostgreSQL
from tests.app.organizations import Api, Organization, unknown_secret
from tests.app.remains import UPSTREAM_MARK, refuse_secrets, remains, secrets_in


@pytest.fixture
def superuser_url(api: Api, postgres: PostgreSQL) -> str:
    return postgres.url_of(api.server.database_url.partition("?")[0].rpartition("/")[2], SUPERUSER)


def test_what_has_the_form_and_the_checksum_of_a_key_is_found() -> None:
    secret = unknown_secret()
    assert secrets_in(f"a line with {secret} in it".encode()) == [secret]
    assert secrets_in(f"{secret[:12]}…{secret[-4:]}".encode()) == []
    assert secrets_in((secret[:-1] + ("0" if secret[-1] != "0" else "1")).encode()) == []
    assert secrets_in(UPSTREAM_MARK.encode() + b"x") == [UPSTREAM_MARK]
    for prefix in (SECRET_PREFIX, LINK_PREFIX):
        token = new_secret(prefix)
        assert secrets_in(f"GET /sign-in/confirm?token={token} 200".encode()) == [token]


@pytest.mark.parametrize("place", ["log", "row", "bytes", "redis", "job"])
def test_a_secret_is_found_wherever_it_lies(api: Api, superuser_url: str, place: str) -> None:
    secret = unknown_secret()
    db = api.database
    client: Any = redis.Redis.from_url(api.server.redis_url)  # pyright: ignore[reportUnknownMemberType]
    with client:
        match place:
            case "log":
                length = api.server.log.stat().st_size
                with api.server.log.open("a") as log:
                    log.write(secret + "\n")
            case "row":
                db.rows(
                    "insert into users (user_id, organization_id, email) values ('user_leak', 'org_leak', %s)", secret
                )
            case "bytes":
                db.rows(
                    "insert into mcp_credentials (mcp_id, organization_id, sealed) values ('mcp_leak', 'org_leak', %s)",
                    secret.encode(),
                )
            case "redis":
                client.set("leak", secret)
            case _:
                client.hset("leak", "data", zlib.compress(secret.encode()))
        try:
            with pytest.raises(
                AssertionError, match=f"(?i){'table' if place in {'row', 'bytes'} else place[:3]}|redis"
            ):
                refuse_secrets(superuser_url, api.server)
        finally:
            if place == "log":
                with api.server.log.open("r+") as log:
                    log.truncate(length)  # pyright: ignore[reportPossiblyUnboundVariable]
            db.rows("delete from users where user_id = 'user_leak'")
            db.rows("delete from mcp_credentials where mcp_id = 'mcp_leak'")
            client.delete("leak")


def test_everything_that_is_kept_is_looked_through(api: Api, org: Organization, superuser_url: str) -> None:
    org.client.post("/v1/api-keys", {"name": "Once"}, idempotency_key="once")
    org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "kept")
    org.verify(org.manager.secret)
    api.client(unknown_secret()).get("/v1/api-keys")
    places = {place for place, _ in remains(superuser_url, api.server)}
    tables = {"events", "idempotency_keys", "mcp_credentials", "key_state", "key_secrets"}
    assert {f"table {name}" for name in tables} <= places
    assert any(place.startswith("table usage_events_") for place in places)


def test_a_secret_in_the_wrong_place_is_not_logged(api: Api, org: Organization) -> None:
    """In an address, in a body that can not be read, as another credential."""
    key = org.key()
    caller = org.client
    caller.get(f"/v1/api-keys/{key.secret}")
    caller.get("/v1/api-keys", {"q": key.secret, "created_by": key.secret})
    caller.get("/v1/api-keys", {key.secret: "1"})
    caller.request("POST", "/v1/api-keys", content=f'{{"name": {key.secret}'.encode(), headers=JSON)
    caller.post("/v1/api-keys", {key.secret: key.secret})
    caller.post("/v1/api-keys", {"name": "Deploy", "expires_at": key.secret})
    caller.post("/v1/api-keys/verify", {"key": key.secret + " "})
    caller.delete(key.path, {"reason": key.secret})
    api.client(None, Authorization=f"Basic {key.secret}").get("/v1/api-keys")
    api.client(None, Authorization=key.secret).get("/v1/api-keys")
    caller.get(f"/problems/{key.secret}")
    assert key.secret.encode() not in api.server.log.read_bytes()


JSON = {"Content-Type": "application/json"}
