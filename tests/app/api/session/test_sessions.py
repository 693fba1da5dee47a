"""Sessions: the signed-in person, their grants, and the end of a session."""

import pytest

from domain.grants import GRANTS
from domain.members.events import Role
from domain.members.roles import ROLES, grants_of
from tests.app.organizations import Api, Organization
from tests.app.people import COOKIE, person


@pytest.mark.parametrize("role", ROLES)
def test_a_session_has_its_person_and_their_grants(api: Api, role: Role) -> None:
    user = person(api, api.database.organization("team"), role)
    data = user.client.get("/v1/session").data
    assert data["user"] == {"id": user.id, "email": user.email}
    assert (data["session_id"], data["role"]) == (user.session_id, role)
    assert data["organization"]["id"] == user.organization_id
    assert data["organization"]["name"] == "Acme"
    assert data["grants"] == [grant for grant in GRANTS if grant in grants_of(role)]


def test_a_person_can_use_the_routes_that_keys_use(api: Api, org: Organization) -> None:
    admin = person(api, org.id, "admin")
    made = admin.client.post("/v1/api-keys", {"name": "By hand"}).data
    assert made["environment"] == "live"
    assert made["created_by"] == {"id": admin.id, "email": admin.email, "name": admin.email}
    assert admin.client.get(f"/v1/api-keys/{made['id']}").data["name"] == "By hand"
    assert admin.client.delete(f"/v1/api-keys/{made['id']}").data["status"] == "revoked"
    rows = api.database.rows("select body from events where stream_id = %s order by version", made["id"])
    assert all(f'"actor":{{"type":"user","id":"{admin.id}"}}'.encode() in bytes(row[0]) for row in rows)


def test_a_role_without_a_grant_gets_the_missing_grant_in_the_refusal(api: Api, org: Organization) -> None:
    viewer = person(api, org.id, "viewer")
    refused = viewer.client.post("/v1/api-keys", {"name": "No"})
    assert (refused.status, refused.code, refused.details) == (403, "forbidden", {"required": ["keys:write"]})


def test_an_idempotency_key_belongs_to_one_person(api: Api, org: Organization) -> None:
    first, second = person(api, org.id), person(api, org.id)
    ids = [
        each.client.post("/v1/api-keys", {"name": "Once"}, idempotency_key="same").data["id"]
        for each in (first, first, second)
    ]
    assert ids[0] == ids[1] != ids[2]


def test_a_session_ends_immediately_on_sign_out(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    answer = user.client.delete("/v1/session")
    assert answer.data["ended"] is True
    assert answer.headers["set-cookie"].startswith(f"{COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
    refused = user.client.get("/v1/session")
    assert (refused.status, refused.code) == (401, "unauthorized")
    assert refused.headers["www-authenticate"] == 'Bearer realm="keyledger", error="invalid_token"'
    assert api.events_of(user.session_id) == ["session.started", "session.ended"]


def test_a_person_can_list_and_end_their_sessions(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    lost, secret = user.session()
    elsewhere = api.client(Cookie=f"{COOKIE}={secret}")
    assert elsewhere.get("/v1/session").status == 200
    listed = user.client.get("/v1/sessions").data
    assert [(each["id"], each["current"]) for each in listed] == [(lost, False), (user.session_id, True)]
    assert set(listed[0]) == {
        "id", "current", "method", "created_at", "last_seen_at", "expires_at", "ip", "user_agent"
    }  # fmt: skip
    assert user.client.delete(f"/v1/sessions/{lost}").data == {"id": lost, "ended": True}
    assert elsewhere.get("/v1/session").status == 401
    assert [each["id"] for each in user.client.get("/v1/sessions").data] == [user.session_id]
    assert user.client.delete(f"/v1/sessions/{lost}").status == 200


def test_a_person_can_end_all_their_other_sessions(api: Api, org: Organization) -> None:
    user, other = person(api, org.id), person(api, org.id)
    others = {user.session()[0] for _ in range(3)}
    assert set(user.client.delete("/v1/sessions").data["ended"]) == others
    assert [each["id"] for each in user.client.get("/v1/sessions").data] == [user.session_id]
    assert other.client.get("/v1/session").status == 200


def test_a_session_of_another_person_is_not_found(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    for other in (person(api, org.id, "auditor"), person(api, api.organization().id)):
        foreign = user.client.delete(f"/v1/sessions/{other.session_id}")
        absent = user.client.delete(f"/v1/sessions/{other.session_id[:-4]}0000")
        assert (foreign.status, foreign.code) == (404, "not_found")
        assert foreign.without_request_id == absent.without_request_id
        assert other.client.get("/v1/session").status == 200


def test_a_removed_member_is_signed_out_immediately(api: Api, org: Organization) -> None:
    user, owner = person(api, org.id), person(api, org.id)
    assert owner.client.delete(f"/v1/organization/members/{user.id}").status == 200
    assert user.client.get("/v1/session").status == 401
    assert user.client.get("/v1/mcps").status == 401
    assert api.database.rows("select 1 from sessions where user_id = %s", user.id) == []


def test_a_changed_role_applies_to_the_next_request(api: Api, org: Organization) -> None:
    user, admin = person(api, org.id, "viewer"), person(api, org.id)
    assert user.client.get("/v1/api-keys").status == 403
    admin.client.patch(f"/v1/organization/members/{user.id}", {"role": "auditor"})
    assert user.client.get("/v1/api-keys").status == 200


@pytest.mark.parametrize(
    "past",
    [
        "update sessions set expires_at = now() - interval '1 second' where session_id = %s",
        "update sessions set last_seen_at = now() - interval '7 days' where session_id = %s",
    ],
    ids=["expired", "idle"],
)
def test_a_session_expires(api: Api, org: Organization, past: str) -> None:
    user = person(api, org.id)
    api.database.rows(past, user.session_id)
    assert user.client.get("/v1/session").status == 401


def test_the_last_use_of_a_session_is_recorded_to_the_minute(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    api.database.rows(
        "update sessions set last_seen_at = last_seen_at - interval '6 days' where session_id = %s", user.session_id
    )
    user.client.get("/v1/session")
    rows = api.database.rows(
        "select last_seen_at > now() - interval '1 minute' from sessions where session_id = %s", user.session_id
    )
    assert rows == [(True,)]


def test_the_database_contains_no_session_secret(api: Api, org: Organization) -> None:
    user = person(api, org.id)
    rows = api.database.rows("select s::text from sessions s where session_id = %s", user.session_id)
    assert user.secret not in str(rows)


def test_a_key_takes_precedence_over_a_cookie(api: Api, org: Organization) -> None:
    """A request with a key is authenticated only by the key, even if the key is invalid and the cookie is valid."""
    user, key = person(api, org.id, "owner"), org.key()
    cookie = f"{COOKIE}={user.secret}"
    refused = api.client(key.secret, Cookie=cookie).get("/v1/api-keys")
    assert (refused.status, refused.details) == (403, {"required": ["keys:read"]})
    key.client.get(key.check_path)
    org.client.delete(key.path)
    assert api.client(key.secret, Cookie=cookie).get("/v1/api-keys").code == "revoked_key"
    for headers in ({"X_API_Key": "nothing like a key"}, {"Authorization": "Bearer pk_live_"}):
        assert api.client(None, Cookie=cookie, **headers).get("/v1/api-keys").status == 401
    assert api.client(None, Cookie=cookie, Authorization=key.secret).get("/v1/api-keys").status == 401


@pytest.mark.parametrize("route", [("GET", "/v1/session"), ("DELETE", "/v1/session"), ("GET", "/v1/sessions")])
def test_a_key_has_no_session(org: Organization, route: tuple[str, str]) -> None:
    refused = org.client.request(*route)
    assert (refused.status, refused.code) == (403, "forbidden")
    newest = org.activity(org.manager, per_page=2)[1]
    assert (newest["action"], newest["status"], newest["reason"]) == ("manage", "denied", "forbidden")
