"""A key loses the grants that its creator no longer has."""

import pytest
from msgspec.structs import replace

from domain.keys.commands import NarrowGrants
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.keys.events import KeyEvent, KeyPermissionsChanged, RateLimit
from domain.keys.permissions import Permissions, ToolRule
from tests.domain.sample import CREATED, DISABLED, EXPIRED, LIVE_MCP, REVOKED
from tests.given import given

CALLS = Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(deny=("delete_*",))})
BROAD = replace(
    CREATED,
    permissions=replace(CALLS, manage=("mcps:read", "keys:write", "usage:read")),
    rate_limit=RateLimit(7),
    allowed_ips=("10.0.0.0/8",),
)
NARROW = NarrowGrants(frozenset({"mcps:read", "usage:read", "audit:read"}))
NARROWED = KeyPermissionsChanged(
    replace(CALLS, manage=("mcps:read", "usage:read")), rate_limit=RateLimit(7), allowed_ips=("10.0.0.0/8",)
)


@pytest.mark.parametrize("history", [[BROAD], [BROAD, DISABLED]])
def test_only_grants_beyond_those_of_the_creator_are_removed(history: list[KeyEvent]) -> None:
    given(KEY, *history).when(NARROW).then(NARROWED)
    given(KEY, *history, NARROWED).when(NARROW).then_nothing()


def test_no_grant_is_added() -> None:
    given(KEY, CREATED).when(NARROW).then_nothing()


@pytest.mark.parametrize("end", [EXPIRED, REVOKED])
def test_a_revoked_or_expired_key_is_unchanged(end: KeyEvent) -> None:
    given(KEY, BROAD, end).when(NARROW).then_nothing()


def test_a_missing_key_cannot_be_narrowed() -> None:
    given(KEY).when(NARROW).then_refused(KeyNotFound)
