"""POST /v1/api-keys, PATCH, rotate, enable: no caller grants more than its own permissions (I12), over HTTP."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.environment import Environment
from domain.grants import GRANTS
from domain.keys.permissions import Permissions, ToolRule
from tests.app.client import Response
from tests.app.organizations import Key, Organization

LATER = (datetime.now(UTC) + timedelta(days=300)).isoformat()
SOONER = (datetime.now(UTC) + timedelta(days=3)).isoformat()


class Bound:
    """A key with `keys:write` for one MCP, one network and ten days."""

    def __init__(self, org: Organization) -> None:
        self.org = org
        self.mcp_id, self.other_mcp_id = org.mcp(), org.mcp(name="Other")
        environments: dict[str, Environment] = {self.mcp_id: "live", self.other_mcp_id: "live"}
        self.key = org.seeded_key(
            permissions=Permissions(
                mcps=(self.mcp_id,),
                tools={self.mcp_id: ToolRule(allow=("get_*",))},
                manage=("keys:read", "keys:write"),
            ),
            known_mcps=environments,
            allowed_ips=("127.0.0.0/8",),
            expires_at=datetime.now(UTC) + timedelta(days=10),
        )

    @property
    def within(self) -> dict[str, Any]:
        """A key exactly within the bound."""
        permissions = {"mcps": [self.mcp_id], "tools": {self.mcp_id: {"allow": ["get_*"]}}, "manage": ["keys:read"]}
        return {"name": "Within", "permissions": permissions, "allowed_ips": ["127.0.0.1/32"], "expires_at": SOONER}

    def beyond(self, dimension: str) -> dict[str, Any]:
        """Return fields that exceed the bound in one dimension."""
        permissions = self.within["permissions"]
        changes: dict[str, dict[str, Any]] = {
            "all MCPs": {"permissions": {**permissions, "mcps": "*"}},
            "another MCP": {"permissions": {**permissions, "mcps": [self.mcp_id, self.other_mcp_id]}},
            "all tools": {"permissions": {**permissions, "tools": {}}},
            "another tool": {
                "permissions": {**permissions, "tools": {self.mcp_id: {"allow": ["get_*", "delete_all"]}}}
            },
            "another grant": {"permissions": {**permissions, "manage": ["keys:read", "mcps:write"]}},
            "later": {"expires_at": LATER},
            "no expiry": {"expires_at": None},
            "another network": {"allowed_ips": ["0.0.0.0/0"]},
            "any network": {"allowed_ips": []},
            "the other environment": {"environment": "test"},
        }
        return changes[dimension]


CHANGES = {
    "all MCPs": "permissions",
    "another MCP": "permissions",
    "all tools": "permissions",
    "another tool": "permissions",
    "another grant": "required",
    "later": "expires_at",
    "no expiry": "expires_at",
    "another network": "allowed_ips",
    "any network": "allowed_ips",
}
"""The dimensions, each with the field that the refusal names."""


@pytest.fixture
def bound(org: Organization) -> Bound:
    return Bound(org)


def test_a_key_creates_keys_within_its_own_permissions(bound: Bound) -> None:
    assert bound.key.client.post("/v1/api-keys", bound.within).status == 201


@pytest.mark.parametrize(("dimension", "named"), [*CHANGES.items(), ("the other environment", "environment")])
def test_a_key_creates_no_key_beyond_its_own_permissions(bound: Bound, dimension: str, named: str) -> None:
    refused = bound.key.client.post("/v1/api-keys", bound.within | bound.beyond(dimension))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert named in refused.details


@pytest.mark.parametrize(("dimension", "named"), CHANGES.items())
@pytest.mark.parametrize("target", ["another", "its own"])
def test_a_key_widens_no_key_beyond_its_own_permissions(bound: Bound, dimension: str, named: str, target: str) -> None:
    path = bound.key.path if target == "its own" else f"/v1/api-keys/{_create(bound)['id']}"
    refused = bound.key.client.patch(path, bound.beyond(dimension))
    assert (refused.status, refused.code) == (403, "forbidden")
    assert named in refused.details


def test_a_missing_grant_is_named_as_a_scope_in_the_challenge(bound: Bound) -> None:
    refused = bound.key.client.post("/v1/api-keys", bound.within | bound.beyond("another grant"))
    assert refused.details["required"] == ["mcps:write"]
    challenge = 'Bearer realm="keyledger", error="insufficient_scope", scope="mcps:write"'
    assert refused.headers["www-authenticate"] == challenge


def test_a_key_does_not_rotate_a_wider_key(bound: Bound) -> None:
    _refused_and_unchanged(bound, bound.key.client.post(f"{bound.org.manager.path}/rotate"), bound.org.manager)


def test_a_key_does_not_enable_a_wider_key(bound: Bound) -> None:
    wide = bound.org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS))
    assert bound.key.client.post(f"{wide.path}/disable").status == 200
    refused = bound.key.client.post(f"{wide.path}/enable")
    assert (refused.status, refused.code) == (403, "forbidden")
    assert bound.org.detail(wide)["status"] == "disabled"


def test_any_caller_with_keys_write_may_narrow_a_wider_key(bound: Bound) -> None:
    wide = bound.org.seeded_key(permissions=Permissions(mcps="*", manage=GRANTS))
    narrowed = bound.key.client.patch(wide.path, {"permissions": {"mcps": []}, "expires_at": SOONER})
    assert narrowed.data["permissions"] == {"mcps": [], "tools": {}, "manage": []}


def _refused_and_unchanged(bound: Bound, refused: Response, target: Key) -> None:
    assert (refused.status, refused.code) == (403, "forbidden")
    assert bound.org.verify(target.secret)["valid"] is True
    assert bound.org.detail(target)["revision"] == 1


def _create(bound: Bound) -> Any:  # noqa: ANN401 -- JSON
    return bound.key.client.post("/v1/api-keys", bound.within).data
