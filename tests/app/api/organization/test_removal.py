"""Effects of removing a member or narrowing their role on the keys of the member."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from app.api.organization.members.cascade_keys import KEYS_AT_ONCE
from domain.actor import KeyActor, UserActor
from domain.grants import GRANTS, Grant
from domain.keys.permissions import Permissions
from tests.app.api.organization.invite import MEMBERS, accept, invite
from tests.app.client import concurrently
from tests.app.organizations import Api, Key, Organization
from tests.app.people import Person, person


@pytest.fixture
def owner(api: Api, org: Organization) -> Person:
    return person(api, org.id, "owner")


@pytest.fixture
def admin(api: Api, org: Organization, owner: Person) -> Person:
    return person(api, org.id, "admin")


def key_of(org: Organization, creator: Person | Key, *manage: Grant, **fields: object) -> Key:
    by = UserActor(creator.id) if isinstance(creator, Person) else KeyActor(creator.id)
    return org.seeded_key(by=by, permissions=Permissions(mcps="*", manage=manage), **fields)


def status(org: Organization, key: Key) -> str:
    return str(org.detail(key)["status"])


def test_a_removed_member_and_their_keys_are_refused_immediately(
    api: Api, org: Organization, owner: Person, admin: Person
) -> None:
    keys = [key_of(org, admin), key_of(org, admin, "keys:read"), key_of(org, admin, environment="test")]
    org.client.post(f"{keys[0].path}/disable")
    removed = owner.client.delete(f"{MEMBERS}/{admin.id}")
    assert removed.data == {"removed": True, "user_id": admin.id, "keys_revoked": 3}
    for key in keys:
        assert org.verify(key.secret)["code"] == "revoked_key"
        assert org.detail(key)["revoked_reason"] == "owner_removed"
    assert admin.client.get("/v1/organization").status == 401
    assert [member["user_id"] for member in org.client.get(MEMBERS).data] == [owner.id]
    assert api.events_of(admin.id) == ["team.member_added", "team.member_removed"]


def test_the_keys_of_a_removed_member_keep_their_history(org: Organization, owner: Person, admin: Person) -> None:
    made = admin.client.post("/v1/api-keys", {"name": "Mine"}).data
    owner.client.delete(f"{MEMBERS}/{admin.id}")
    detail = org.client.get(f"/v1/api-keys/{made['id']}").data
    assert detail["created_by"] == {"id": admin.id, "email": admin.email, "name": admin.email}
    events = [entry["event"] for entry in org.client.get(f"/v1/api-keys/{made['id']}/activity").data]
    assert events == ["api_key.revoked", "api_key.created"]


def test_the_keys_of_other_members_stay_active(org: Organization, owner: Person, admin: Person) -> None:
    others = [key_of(org, owner), org.manager]
    owner.client.delete(f"{MEMBERS}/{admin.id}")
    assert [status(org, key) for key in others] == ["active", "active"]


def test_managing_keys_descended_from_a_removed_members_keys_are_revoked_and_customer_keys_stay(
    org: Organization, owner: Person, admin: Person
) -> None:
    """Otherwise, a member who expects to be removed could keep access with a key that their key created."""
    first = key_of(org, admin, *GRANTS)
    second = key_of(org, first, "keys:write")
    third = key_of(org, second, "members:write")
    customer = key_of(org, first)
    assert owner.client.delete(f"{MEMBERS}/{admin.id}").data["keys_revoked"] == 3
    assert [status(org, key) for key in (first, second, third)] == ["revoked"] * 3
    assert status(org, customer) == "active"


@pytest.mark.parametrize("state", ["revoked", "without grants"])
def test_a_descended_managing_key_is_revoked_in_any_state_of_the_keys_between(
    org: Organization, owner: Person, admin: Person, state: str
) -> None:
    """Otherwise, revoking the key that created it would detach it from the member."""
    first = key_of(org, admin, *GRANTS)
    second = key_of(org, first, *GRANTS)
    third = key_of(org, second, *GRANTS)
    for between in (first, second):
        if state == "revoked":
            assert org.client.delete(between.path).status == 200
        else:
            assert org.client.patch(between.path, {"permissions": {"mcps": "*"}}).status == 200
    assert owner.client.delete(f"{MEMBERS}/{admin.id}").status == 200
    assert [status(org, key) for key in (first, second, third)] == [
        "revoked",
        "revoked" if state == "revoked" else "active",
        "revoked",
    ]


def test_a_key_that_got_its_grants_after_its_creator_was_revoked_is_narrowed(
    org: Organization, owner: Person, admin: Person
) -> None:
    first = key_of(org, admin, *GRANTS)
    second = key_of(org, first)
    org.client.delete(first.path)
    assert admin.client.patch(second.path, {"permissions": {"mcps": "*", "manage": ["members:write"]}}).status == 200
    assert owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "viewer"}).data["keys_narrowed"] == 1
    assert org.detail(second)["permissions"]["manage"] == []


def test_a_removed_member_is_not_found(org: Organization, owner: Person, admin: Person) -> None:
    owner.client.delete(f"{MEMBERS}/{admin.id}")
    again = owner.client.delete(f"{MEMBERS}/{admin.id}")
    assert (again.status, again.code) == (404, "not_found")
    assert owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "viewer"}).status == 404


def test_the_owner_cannot_be_removed_and_keeps_their_keys(org: Organization, owner: Person, admin: Person) -> None:
    key = key_of(org, owner)
    for client in (admin.client, owner.client, org.client):
        refused = client.delete(f"{MEMBERS}/{owner.id}")
        assert (refused.status, refused.code) == (403, "forbidden")
    assert status(org, key) == "active"


def test_a_removed_member_can_be_invited_again_as_a_new_user(
    api: Api, org: Organization, owner: Person, admin: Person
) -> None:
    key = key_of(org, admin)
    owner.client.delete(f"{MEMBERS}/{admin.id}")
    assert accept(api, invite(owner.client, admin.email, "viewer")).status < 400
    (back,) = [member for member in org.client.get(MEMBERS).data if member["email"] == admin.email]
    assert back["user_id"] != admin.id
    assert status(org, key) == "revoked"


def test_more_keys_than_fit_in_one_transaction_are_all_revoked(org: Organization, owner: Person, admin: Person) -> None:
    keys = [key_of(org, admin) for _ in range(KEYS_AT_ONCE + 5)]
    removed = owner.client.delete(f"{MEMBERS}/{admin.id}")
    assert removed.data["keys_revoked"] == len(keys)
    listed = org.client.get("/v1/api-keys", {"created_by": admin.id, "status": "revoked", "per_page": 1})
    assert listed.json["pagination"]["total"] == len(keys)


def test_a_refused_removal_revokes_none_of_many_keys(org: Organization, owner: Person) -> None:
    keys = [key_of(org, owner) for _ in range(KEYS_AT_ONCE + 1)]
    assert org.client.delete(f"{MEMBERS}/{owner.id}").status == 403
    listed = org.client.get("/v1/api-keys", {"created_by": owner.id, "status": "active", "per_page": 1})
    assert listed.json["pagination"]["total"] == len(keys)


def test_a_key_that_removes_its_creator_is_revoked(org: Organization, owner: Person, admin: Person) -> None:
    key = key_of(org, admin, "members:write")
    assert key.client.delete(f"{MEMBERS}/{admin.id}").data["keys_revoked"] == 1
    assert status(org, key) == "revoked"


def test_a_key_created_during_the_removal_of_its_creator_is_not_active(
    org: Organization, owner: Person, admin: Person
) -> None:
    def send(number: int) -> int:
        if number == 5:
            return owner.client.delete(f"{MEMBERS}/{admin.id}").status
        return admin.client.post("/v1/api-keys", {"name": f"Key {number}"}).status

    assert concurrently(range(12), send)[5] == 200
    active_keys = org.client.get("/v1/api-keys", {"created_by": admin.id, "status": "active"}).data
    assert active_keys == []


def test_a_key_gets_no_grants_while_its_creator_loses_them(
    api: Api, org: Organization, owner: Person, admin: Person
) -> None:
    """A lock blocks the narrowing between its read of the keys and its commit while the other key requests a grant."""
    narrowed, other = key_of(org, admin, "keys:write"), key_of(org, admin)
    more = {"permissions": {"mcps": "*", "manage": ["keys:write"]}}
    waiting = "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
    with psycopg.connect(api.database.url) as holder, ThreadPoolExecutor(2) as threads:
        holder.execute("select 1 from streams where stream_id = %s for update", (narrowed.id,))
        losing = threads.submit(lambda: owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "viewer"}))
        while not losing.done() and not api.database.rows(waiting):
            pass
        gaining = threads.submit(lambda: admin.client.patch(other.path, more))
        while not gaining.done() and len(api.database.rows(waiting)) < 2:
            pass
        holder.rollback()
    assert losing.result().status == 200
    assert gaining.result().status != 200
    assert org.detail(other)["permissions"]["manage"] == []


def test_a_narrower_role_removes_grants_of_the_members_keys_and_keeps_their_mcps(
    org: Organization, owner: Person, admin: Person
) -> None:
    wide = key_of(org, admin, "keys:write", "audit:read", "mcps:read")
    descended = key_of(org, wide, "keys:write")
    reading, calling = key_of(org, admin, "usage:read"), key_of(org, admin)
    changed = owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "auditor"}).data
    assert changed["keys_narrowed"] == 2
    assert org.detail(wide)["permissions"] == {"mcps": "*", "tools": {}, "manage": ["audit:read", "mcps:read"]}
    assert org.detail(descended)["permissions"]["manage"] == []
    assert org.detail(reading)["permissions"]["manage"] == ["usage:read"]
    assert [status(org, key) for key in (wide, descended, reading, calling)] == ["active"] * 4
    assert wide.client.post("/v1/api-keys", {"name": "Late"}).status == 403


def test_a_wider_role_adds_no_grants_to_the_members_keys(org: Organization, api: Api, owner: Person) -> None:
    member = person(api, org.id, "member")
    key = key_of(org, member, "usage:read")
    assert owner.client.patch(f"{MEMBERS}/{member.id}", {"role": "admin"}).data["keys_narrowed"] == 0
    assert org.detail(key)["permissions"]["manage"] == ["usage:read"]


def test_more_keys_than_fit_in_one_transaction_are_all_narrowed(
    org: Organization, owner: Person, admin: Person
) -> None:
    keys = [key_of(org, admin, "usage:read", "keys:write") for _ in range(KEYS_AT_ONCE + 5)]
    assert owner.client.patch(f"{MEMBERS}/{admin.id}", {"role": "viewer"}).data["keys_narrowed"] == len(keys)
    assert {tuple(org.detail(key)["permissions"]["manage"]) for key in keys[::20]} == {("usage:read",)}
