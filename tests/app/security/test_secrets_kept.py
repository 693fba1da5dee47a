"""I11: no secret and no upstream credential is in any log line, event, stored answer, table or job.

Everything that a test server leaves behind is looked through when it stops (tests/app/conftest.py). Here it is shown
that the look finds what is there, and that the ways on which a secret could get lost were all walked.
"""

import json
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


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/api-keys", {"name": "{}"}, "name"),
        ("POST", "/v1/api-keys", {"name": "x", "description": "That is {}."}, "description"),
        ("POST", "/v1/api-keys", {"name": "x", "metadata": {"{}": "x"}}, "metadata"),
        ("POST", "/v1/api-keys", {"name": "x", "metadata": {"x": "{}"}}, "metadata"),
        ("PATCH", "{key}", {"name": "Agent {}"}, "name"),
        (
            "PATCH",
            "{key}",
            {"permissions": {"mcps": "*", "tools": {"{mcp}": {"allow": ["{}"]}}}},
            "permissions.tools.{mcp}",
        ),
        ("POST", "/v1/api-keys/verify", {"key": "{}", "mcp_id": "{mcp}", "tool": "{}"}, "tool"),
        ("POST", "/v1/api-keys/verify", {"key": "{}", "ip": "{}"}, "ip"),
        ("POST", "/v1/mcp/invoke", {"mcp_id": "{mcp}", "tool": "{}"}, "tool"),
        ("POST", "/v1/mcps", {"name": "x", "endpoint_url": "https://a.example/?key={}"}, "endpoint_url"),
        ("PATCH", "/v1/organization", {"description": "{}"}, "description"),
    ],
)
def test_a_key_that_would_be_kept_is_refused_by_name(
    org: Organization, superuser_url: str, method: str, path: str, body: object, field: str
) -> None:
    """Whoever pastes one into the wrong field could never get it out of the log again."""
    key, mcp_id = org.key(permissions={"mcps": "*"}), org.mcp()

    def filled(text: str) -> str:
        return text.replace("{key}", key.path).replace("{mcp}", mcp_id).replace("{}", key.secret)

    refused = org.client.request(method, filled(path), json.loads(filled(json.dumps(body))))
    assert (refused.status, set(refused.details)) == (422, {filled(field)})
    assert key.secret.encode() not in refused.content
    assert not _places_of(key.secret, superuser_url, org)


def test_a_key_that_stands_beside_the_matter_is_cut_short(org: Organization, superuser_url: str) -> None:
    key = org.key()
    shown = key.secret[:12] + "…"
    agent = {"User-Agent": "x" * 280 + key.secret, "X-Request-Id": f"for-{key.secret}"}
    asked = org.client.request("POST", "/v1/api-keys/verify", {"key": key.secret}, headers=agent)
    assert asked.data["valid"] is True
    assert key.secret not in asked.headers["x-request-id"]
    org.verify(key.secret, user_agent=f"agent/1 ({key.secret})")
    refused = org.client.request("POST", "/v1/api-keys", {"name": "x"}, headers={"Idempotency-Key": key.secret})
    assert (refused.status, set(refused.details)) == (422, {"Idempotency-Key"})
    leaked = {"reason": "compromised", "note": f"{key.secret} stood in a log."}
    assert org.client.request("DELETE", key.path, leaked, headers=agent).status == 200
    agents = [entry["user_agent"] for entry in org.activity(key)]
    assert agents == [*[("x" * 280 + shown)[:300]], f"agent/1 ({shown})", *agents[2:]]
    (revoked,) = org.client.get("/v1/audit/events", {"type": "api_key.revoked", "key_id": key.id}).data
    assert revoked["data"]["note"] == f"{shown} stood in a log."
    assert not _places_of(key.secret, superuser_url, org)


def _places_of(secret: str, database_url: str, org: Organization) -> list[str]:
    """Where so much of it is kept that the rest could be guessed."""
    most = secret[:-4].encode()
    return [place for place, content in remains(database_url, org.api.server) if most in content]


JSON = {"Content-Type": "application/json"}
