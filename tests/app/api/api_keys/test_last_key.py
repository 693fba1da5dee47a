"""The only active key of an organization cannot end itself, whatever route it takes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from tests.app.client import Answer
from tests.app.organizations import Api, Organization


def _in(**lapse: float) -> str:
    return (datetime.now(UTC) + timedelta(**lapse)).isoformat(timespec="seconds").replace("+00:00", "Z")


def _bulk(org: Organization) -> Answer:
    body = {"ids": [org.manager.id], "reason": "unspecified", "dry_run": False, "include_caller": True}
    return org.client.post("/v1/api-keys/revoke", body)


WAYS: dict[str, Callable[[Organization], Answer]] = {
    "DELETE": lambda org: org.client.delete(org.manager.path),
    "revoke": lambda org: org.client.post(f"{org.manager.path}/revoke"),
    "disable": lambda org: org.client.post(f"{org.manager.path}/disable"),
    "expire now": lambda org: org.client.patch(org.manager.path, {"expires_at": _in(seconds=2)}),
    "expire today": lambda org: org.client.patch(org.manager.path, {"expires_at": _in(hours=23), "name": "Gone"}),
}

ways = pytest.mark.parametrize("way", WAYS)


@ways
def test_the_only_active_key_does_not_end_itself(api: Api, org: Organization, way: str) -> None:
    events = api.events_of(org.manager.id)
    refused = WAYS[way](org)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert "your only active key" in refused.error["message"]
    assert api.events_of(org.manager.id) == events
    assert org.client.get("/v1/api-keys").status == 200


def test_nor_by_a_bulk_revocation(org: Organization) -> None:
    assert _bulk(org).data["revoked"] == 0
    assert org.client.get("/v1/api-keys").status == 200


@ways
def test_keys_that_are_disabled_revoked_or_past_their_expiry_are_no_other_key(org: Organization, way: str) -> None:
    disabled, revoked = org.key(), org.key()
    org.client.post(f"{disabled.path}/disable")
    org.client.delete(revoked.path)
    org.expired_key()
    assert WAYS[way](org).code == "forbidden"


@ways
def test_with_another_active_key_it_may(org: Organization, way: str) -> None:
    org.key()
    assert WAYS[way](org).status == 200


def test_it_may_end_later(org: Organization) -> None:
    assert org.client.patch(org.manager.path, {"expires_at": _in(days=2)}).status == 200


def test_another_key_may_disable_it_and_is_then_the_only_one(api: Api, org: Organization) -> None:
    other = org.seeded_key(name="Other", permissions=Permissions(mcps="*", manage=GRANTS))
    assert other.client.post(f"{org.manager.path}/disable").status == 200
    assert other.client.post(f"{other.path}/disable").code == "forbidden"
    assert api.events_of(other.id) == ["api_key.created"]
