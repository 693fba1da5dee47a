"""Refusals when the only active key of an organization revokes, disables or expires itself."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.client import Response
from tests.app.organizations import Api, Organization


def _in(**span: float) -> str:
    return (datetime.now(UTC) + timedelta(**span)).isoformat(timespec="seconds").replace("+00:00", "Z")


def _revoke_many(org: Organization) -> Response:
    body = {"ids": [org.manager.id], "reason": "unspecified", "dry_run": False, "include_caller": True}
    return org.client.post("/v1/api-keys/revoke", body)


REQUESTS: dict[str, Callable[[Organization], Response]] = {
    "DELETE": lambda org: org.client.delete(org.manager.path),
    "revoke": lambda org: org.client.post(f"{org.manager.path}/revoke"),
    "disable": lambda org: org.client.post(f"{org.manager.path}/disable"),
    "expire now": lambda org: org.client.patch(org.manager.path, {"expires_at": _in(seconds=2)}),
    "expire today": lambda org: org.client.patch(org.manager.path, {"expires_at": _in(hours=23), "name": "Gone"}),
}

every_request = pytest.mark.parametrize("request_name", REQUESTS)


@every_request
def test_the_only_active_key_cannot_end_itself(api: Api, org: Organization, request_name: str) -> None:
    events = api.events_of(org.manager.id)
    refused = REQUESTS[request_name](org)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "your only active key" in refused.error["message"]
    assert api.events_of(org.manager.id) == events
    assert org.client.get("/v1/api-keys").status == 200


def test_the_only_active_key_cannot_end_itself_by_bulk_revocation(org: Organization) -> None:
    assert _revoke_many(org).data["revoked"] == 0
    assert org.client.get("/v1/api-keys").status == 200


@every_request
def test_disabled_revoked_and_expired_keys_do_not_count_as_other_active_keys(
    org: Organization, request_name: str
) -> None:
    disabled, revoked = org.key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(revoked.path)
    org.expired_key()
    assert REQUESTS[request_name](org).code == "forbidden"


@every_request
def test_a_key_can_end_itself_while_another_key_is_active(org: Organization, request_name: str) -> None:
    org.key()
    assert REQUESTS[request_name](org).status == 200


def test_the_only_active_key_may_expire_in_two_days(org: Organization) -> None:
    assert org.client.patch(org.manager.path, {"expires_at": _in(days=2)}).status == 200


def test_a_key_that_disables_the_only_other_key_cannot_disable_itself(api: Api, org: Organization) -> None:
    other = org.seeded_key(name="Other", permissions=Permissions(mcps="*", manage=GRANTS))
    assert other.client.post(f"{org.manager.path}/disable").status == 200
    assert other.client.post(f"{other.path}/disable").code == "forbidden"
    assert api.events_of(other.id) == ["api_key.created"]
