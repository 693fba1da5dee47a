"""I11: no secret and no upstream credential is in a log line, event, stored response, table or job.

Everything that a test server leaves behind is searched when it stops (tests/app/conftest.py). These tests verify that
the search finds secrets, and send secrets wherever a caller could misplace them.
"""

import json
import zlib
from typing import Any

import pytest
import redis

from app.auth.sessions import LINK_PREFIX, SECRET_PREFIX, new_secret
from domain.webhooks.events import WebhookKind
from embedded.postgres import SUPERUSER, PostgreSQL
from gateway.webhook_target import SECRET_BYTES
from gateway.webhook_target import new_secret as webhook_secret
from tests.app.conftest import StartApi
from tests.app.jobs import run_jobs
from tests.app.leak_scan import ADDRESS_MARK, UPSTREAM_MARK, refuse_secrets, remains, secrets_in
from tests.app.organizations import Api, Organization, unknown_secret
from tests.workers.receiver import Receiver, receiver


@pytest.fixture
def superuser_url(api: Api, postgres: PostgreSQL) -> str:
    return postgres.url_of(api.server.database_url.partition("?")[0].rpartition("/")[2], SUPERUSER)


def test_the_search_finds_every_kind_of_secret() -> None:
    secret = unknown_secret()
    assert secrets_in(f"a line with {secret} in it".encode()) == [secret]
    assert secrets_in(f"{secret[:12]}…{secret[-4:]}".encode()) == []
    assert secrets_in((secret[:-1] + ("0" if secret[-1] != "0" else "1")).encode()) == []
    assert secrets_in(UPSTREAM_MARK.encode() + b"x") == [UPSTREAM_MARK]
    assert secrets_in(f"https://example.com/services/{ADDRESS_MARK}1".encode()) == [ADDRESS_MARK]
    signing = webhook_secret(bytes(range(SECRET_BYTES)))
    assert secrets_in(f"signed with {signing}.".encode()) == [signing]
    for prefix in (SECRET_PREFIX, LINK_PREFIX):
        token = new_secret(prefix)
        assert secrets_in(f"GET /sign-in/confirm?token={token} 200".encode()) == [token]


@pytest.mark.parametrize("place", ["log", "row", "bytes", "redis", "job"])
def test_the_search_finds_a_secret_in_every_place(api: Api, superuser_url: str, place: str) -> None:
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


def test_the_search_covers_all_tables(api: Api, org: Organization, superuser_url: str) -> None:
    org.client.post("/v1/api-keys", {"name": "Once"}, idempotency_key="once")
    org.mcp(auth_type="bearer", auth_token=UPSTREAM_MARK + "kept")
    org.verify(org.manager.secret)
    api.client(unknown_secret()).get("/v1/api-keys")
    places = {place for place, _ in remains(superuser_url, api.server)}
    tables = {"events", "idempotency_keys", "mcp_credentials", "key_state", "key_secrets"}
    assert {f"table {name}" for name in tables} <= places
    assert any(place.startswith("table usage_events_") for place in places)


def test_a_secret_in_the_wrong_place_is_not_logged(api: Api, org: Organization) -> None:
    """The places are a URL, an invalid body and another credential, among others."""
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


def test_no_secret_of_a_webhook_is_stored_or_logged_for_any_response_of_its_receiver(
    start_api: StartApi, postgres: PostgreSQL
) -> None:
    """The secret is created, rotated, tested, used, refused, returned by the receiver, and impossible to decrypt."""
    api = start_api()
    org = api.organization()
    with receiver() as signed, receiver() as unsigned:
        unsigned.url += f"/{ADDRESS_MARK}1"
        secrets = [
            *_exercised_webhook(org, signed, "standard"),
            *_exercised_webhook(org, unsigned, "slack"),
        ]
        org.key()
        for target in (signed, unsigned):
            target.answer, target.response = lambda _: 404, f"Cannot POST {target.url} {secrets}".encode()
        run_jobs(api, "run_lifecycle_projections", "deliver_webhooks")
        attempts = [row[0] for row in api.database.rows("select status_code from webhook_attempts")]
        assert attempts == [404, 404]
    for settings in ({"KEYLEDGER_EGRESS_ALLOW": ""}, {"KEYLEDGER_MASTER_KEY": "A" * 43 + "="}, {}):
        api.database.rows("update webhook_deliveries set due_at = created_at where status = 'pending'")
        run_jobs(api, "deliver_webhooks", **settings)
    errors = api.database.rows("select distinct error from webhook_attempts where error is not null")
    assert len(errors) == 3, errors
    log = api.server.log.read_text()
    assert "webhook_secret_decryption_failed" in log
    url = postgres.url_of(api.server.database_url.partition("?")[0].rpartition("/")[2], SUPERUSER)
    for place, content in remains(url, api.server):
        assert not secrets_in(content), place
        assert not [secret for secret in secrets if secret.encode() in content], place


def _exercised_webhook(org: Organization, target: Receiver, kind: WebhookKind) -> list[str]:
    """Send every request that could leak a webhook's secret, and return all secrets that the webhook has had."""
    caller = org.client
    wanted = {"url": target.url, "kind": kind, "events": ["api_key.created"]}
    made = caller.post("/v1/webhooks", wanted, Idempotency_Key=f"made {kind}")
    assert caller.post("/v1/webhooks", wanted, Idempotency_Key=f"made {kind}").data["secret"] is None
    path = f"/v1/webhooks/{made.data['id']}"
    rotated = caller.post(f"{path}/rotate", Idempotency_Key=f"rotated {kind}")
    for address in (f"ftp://example.com/{ADDRESS_MARK}2", f"https://user:{ADDRESS_MARK}3@example.com/"):
        assert caller.post("/v1/webhooks", {**wanted, "url": address}).status == 422
        assert caller.patch(path, {"url": address}).status == 422
    tried = caller.post(f"{path}/test", Idempotency_Key=f"tried {kind}")
    assert tried.data["delivered"] is True
    target.answer, target.response = lambda _: 404, f"Cannot POST {target.url}".encode()
    assert ADDRESS_MARK not in caller.post(f"{path}/test").content.decode()
    found = [answer.data["secret"] for answer in (made, rotated) if kind == "standard"]
    for secret in found:
        caller.get(f"/v1/webhooks/{secret}")
        caller.post("/v1/webhooks", {**wanted, "url": target.url, "events": [secret]})
        caller.get("/v1/webhooks", {"cursor": secret})
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("POST", "/v1/api-keys", {"name": "{}"}, "name"),
        ("POST", "/v1/api-keys", {"name": "x", "description": "That is {}."}, "description"),
        ("POST", "/v1/api-keys", {"name": "x", "metadata": {"{}": "x"}}, "metadata"),
        ("POST", "/v1/api-keys", {"name": "x", "metadata": {"x": "{}"}}, "metadata.x"),
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
def test_a_key_in_a_field_that_would_be_stored_is_refused_and_the_field_is_named(
    org: Organization, superuser_url: str, method: str, path: str, body: object, field: str
) -> None:
    """A key in the wrong field could never be removed from the event log."""
    key, mcp_id = org.key(permissions={"mcps": "*"}), org.mcp()

    def filled(text: str) -> str:
        return text.replace("{key}", key.path).replace("{mcp}", mcp_id).replace("{}", key.secret)

    refused = org.client.request(method, filled(path), json.loads(filled(json.dumps(body))))
    assert (refused.status, set(refused.details)) == (422, {filled(field)})
    assert key.secret.encode() not in refused.content
    assert not _places_with(key.secret, superuser_url, org)


def test_a_key_in_a_free_text_or_header_is_shortened(org: Organization, superuser_url: str) -> None:
    key = org.key()
    shown = key.secret[:12] + "…"
    agent = {"User-Agent": "x" * 280 + key.secret, "X-Request-Id": f"for-{key.secret}"}
    response = org.client.request("POST", "/v1/api-keys/verify", {"key": key.secret}, headers=agent)
    assert response.data["valid"] is True
    assert key.secret not in response.headers["x-request-id"]
    org.verify(key.secret, user_agent=f"agent/1 ({key.secret})")
    refused = org.client.request("POST", "/v1/api-keys", {"name": "x"}, headers={"Idempotency-Key": key.secret})
    assert (refused.status, set(refused.details)) == (422, {"Idempotency-Key"})
    leaked = {"reason": "compromised", "note": f"{key.secret} stood in a log."}
    assert org.client.request("DELETE", key.path, leaked, headers=agent).status == 200
    agents = [entry["user_agent"] for entry in org.activity(key)]
    assert agents == [*[("x" * 280 + shown)[:300]], f"agent/1 ({shown})", *agents[2:]]
    (revoked,) = org.client.get("/v1/audit/events", {"type": "api_key.revoked", "key_id": key.id}).data
    assert revoked["data"]["note"] == f"{shown} stood in a log."
    assert not _places_with(key.secret, superuser_url, org)


def _places_with(secret: str, database_url: str, org: Organization) -> list[str]:
    """Return the places that contain so much of the secret that the rest could be guessed."""
    most = secret[:-4].encode()
    return [place for place, content in remains(database_url, org.api.server) if most in content]


JSON = {"Content-Type": "application/json"}
