from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from infrastructure.clock import now
from keyledger import (
    ApiError,
    Forbidden,
    IdentifiedKey,
    InvalidRequest,
    LimitReached,
    NotFound,
    Permissions,
    RateLimit,
    RevisionMismatch,
    Secret,
    ToolRule,
    Unauthorized,
)
from keyledger.endpoints.keys import identify_key
from tests.app.organizations import Api, Organization, unknown_secret
from tests.clients.conftest import Caller, Connect
from tests.clients.flaky_proxy import FlakyProxy


def test_a_key_with_all_fields_is_returned_as_created(org: Organization, manager: Caller) -> None:
    mcp_id = org.mcp()
    until = now() + timedelta(days=3)
    permissions = Permissions(
        mcps=(mcp_id,), tools={mcp_id: ToolRule(allow=("get_*",), deny=("delete_*",))}, manage=("keys:read",)
    )
    made = manager.do(
        lambda c: c.keys.create(
            "Agent",
            description="Reads",
            permissions=permissions,
            environment="live",
            expires_at=until,
            rate_limit=RateLimit(5),
            allowed_ips=["10.0.0.0/8"],
            metadata={"team": "core"},
        )
    )
    assert isinstance(made.key, Secret)
    assert made.key.reveal().startswith("pk_live_")
    found = manager.do(lambda c: c.keys.get(made.id))
    assert (found.name, found.description, found.environment, found.status) == ("Agent", "Reads", "live", "active")
    assert (found.permissions, found.rate_limit, found.expires_at) == (permissions, RateLimit(5), until)
    assert (found.allowed_ips, found.metadata, found.revision) == (("10.0.0.0/8",), {"team": "core"}, 1)
    assert found.created_by.id == org.manager.id
    assert [entry.event for entry in found.recent_activity] == ["api_key.created"]
    assert [secret.version for secret in found.secrets] == [1]


def test_a_secret_is_identified_without_being_sent(org: Organization, manager: Caller) -> None:
    made = manager.do(lambda c: c.keys.create("Agent"))
    manager.do(lambda c: c.keys.rotate(made.id))
    key = manager.do(lambda c: c.keys.identify(made.key)).key
    assert key == IdentifiedKey(made.id, "Agent", "live", "active", secret_version=1, is_current=False)
    assert manager.do(lambda c: c.keys.identify(unknown_secret())).key is None
    assert made.key.reveal().encode() not in (identify_key(made.key).body or b"")


def test_the_lifecycle_of_a_key(org: Organization, manager: Caller) -> None:
    made = manager.do(lambda c: c.keys.create("Agent", permissions=Permissions(mcps="*")))

    def code(secret: Secret) -> str:
        answer = manager.do(lambda c: c.verify(secret))
        assert answer.valid is (answer.code == "valid")
        return answer.code

    assert code(made.key) == "valid"
    assert manager.do(lambda c: c.keys.disable(made.id)).status == "disabled"
    assert code(made.key) == "disabled_key"
    assert manager.do(lambda c: c.keys.enable(made.id)).status == "active"
    rotated = manager.do(lambda c: c.keys.rotate(made.id, overlap_seconds=60))
    assert rotated.id == made.id
    assert rotated.previous_valid_until > now()
    assert {code(made.key), code(rotated.key)} == {"valid"}
    changed = manager.do(lambda c: c.keys.update(made.id, name="Renamed", description=None, if_match=4))
    assert (changed.name, changed.revision) == ("Renamed", 5)
    revoked = manager.do(lambda c: c.keys.revoke(made.id, reason="compromised", note="seen in a log"))
    assert (revoked.id, revoked.status, revoked.revision) == (made.id, "revoked", 6)
    assert manager.do(lambda c: c.keys.revoke(made.id)) == revoked
    assert {code(made.key), code(rotated.key)} == {"revoked_key"}
    events = [e.event for e in manager.every(lambda c: c.keys.iterate_activity(made.id, per_page=2))]
    assert events[-1] == "api_key.created"
    assert events.count("api_key.used") == 6
    page = manager.do(lambda c: c.keys.list_activity(made.id, type="api_key.used", per_page=1))
    assert (page.data[0].action, page.data[0].status, page.data[0].reason) == ("verify", "denied", "revoked_key")
    assert page.data[0].actor.id == org.manager.id


def test_activity_is_filtered_and_followed(org: Organization, manager: Caller) -> None:
    made = manager.do(lambda c: c.keys.create("Agent"))
    newest = manager.do(lambda c: c.keys.list_activity(made.id, status="denied"))
    assert newest.data == ()
    mcp_id = org.mcp()
    manager.do(lambda c: c.verify(made.key))
    manager.do(lambda c: c.verify(made.key, mcp_id=mcp_id))
    after = newest.pagination.next_after
    (denied,) = manager.do(lambda c: c.keys.list_activity(made.id, status="denied", after=after)).data
    assert (denied.reason, denied.mcp_name, denied.secret_version) == ("mcp_not_permitted", "Files", 1)
    assert (denied.actor.id, denied.actor.name) == (org.manager.id, "Manager")
    for filters in (
        {"action": "verify", "reason": "mcp_not_permitted"},
        {"mcp_id": mcp_id},
        {"ip": denied.ip, "secret_version": 1, "status": "denied"},
    ):
        assert manager.do(lambda c, f=filters: c.keys.list_activity(made.id, **f)).data == (denied,)
    assert manager.do(lambda c: c.keys.list_activity(made.id, tool="add")).data == ()


def test_an_iteration_returns_each_key_of_all_pages_once(org: Organization, manager: Caller) -> None:
    made = [org.key(name=f"Key {number}").id for number in range(7)]
    found = manager.every(lambda c: c.keys.iterate(per_page=3, q="Key "))
    assert [key.id for key in found] == made[::-1]
    page = manager.do(lambda c: c.keys.list(per_page=3, page=2, q="Key ", sort="name", order="asc"))
    assert [key.name for key in page.data] == ["Key 3", "Key 4", "Key 5"]
    assert (page.pagination.total, page.pagination.total_pages) == (7, 3)


def test_an_iteration_without_matches_is_empty(manager: Caller) -> None:
    assert manager.every(lambda c: c.keys.iterate(status="revoked")) == []


def test_a_bulk_revocation_is_a_dry_run_by_default(org: Organization, manager: Caller) -> None:
    ids = [org.key().id for _ in range(3)]
    tried = manager.do(lambda c: c.keys.revoke_many(reason="compromised", ids=ids))
    assert (tried.matched, tried.revoked) == (3, 0)
    done = manager.do(lambda c: c.keys.revoke_many(reason="compromised", ids=ids, dry_run=False))
    assert (done.matched, done.revoked) == (3, 3)
    assert {key.id for key in done.keys} == set(ids)
    assert {key.status for key in done.keys} == {"revoked"}


def test_each_error_has_its_exception_class(api: Api, org: Organization, manager: Caller, connect: Connect) -> None:
    key = org.key()
    reader = connect(api.url, org.key(permissions={"manage": ["keys:read"]}).secret)
    small = connect(api.url, api.organization("free").manager.secret)
    small.do(lambda c: c.keys.create("Second"))
    refusals: list[tuple[Caller, Callable[[Any], Any], type[ApiError], str, int]] = [
        (connect(api.url, unknown_secret()), lambda c: c.keys.list(), Unauthorized, "unauthorized", 401),
        (reader, lambda c: c.keys.create("More"), Forbidden, "forbidden", 403),
        (small, lambda c: c.keys.create("Third"), LimitReached, "key_limit_reached", 403),
        (manager, lambda c: c.keys.get("key_/../../x?y"), NotFound, "not_found", 404),
        (manager, lambda c: c.keys.update(key.id, name="x", if_match=9), RevisionMismatch, "revision_mismatch", 412),
        (manager, lambda c: c.keys.create("x", expires_in_days=0), InvalidRequest, "validation_error", 422),
    ]
    for caller, call, kind, code, status in refusals:
        with pytest.raises(kind) as raised:
            caller.do(call)
        error = raised.value
        assert type(error) is kind
        assert (error.code, error.status) == (code, status)
        assert error.message
        assert str(error.request_id) in str(error)
    with pytest.raises(Forbidden) as forbidden:
        reader.do(lambda c: c.keys.create("More"))
    assert forbidden.value.details == {"required": ["keys:write"]}
    with pytest.raises(InvalidRequest, match="expires_in_days"):
        manager.do(lambda c: c.keys.create("x", expires_in_days=0))


def test_unknown_fields_in_a_response_are_ignored(connect: Connect, org: Organization, proxy: FlakyProxy) -> None:
    body = (
        '{"success":true,"more":1,"data":{"valid":true,"code":"valid","colour":"red","permissions":{"mcps":"*","x":1}}}'
    )
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    proxy.actions = [(head + body).encode()]
    assert connect(proxy.url, org.manager.secret).do(lambda c: c.verify("x")).permissions == Permissions(mcps="*")
