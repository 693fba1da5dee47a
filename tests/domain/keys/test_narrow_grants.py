"""A key loses what whoever made it does not hold any more."""

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
MADE = replace(
    CREATED,
    permissions=replace(CALLS, manage=("mcps:read", "keys:write", "usage:read")),
    rate_limit=RateLimit(7),
    allowed_ips=("10.0.0.0/8",),
)
LIMIT = NarrowGrants(frozenset({"mcps:read", "usage:read", "audit:read"}))
LIMITED = KeyPermissionsChanged(
    replace(CALLS, manage=("mcps:read", "usage:read")), rate_limit=RateLimit(7), allowed_ips=("10.0.0.0/8",)
)


@pytest.mark.parametrize("history", [[MADE], [MADE, DISABLED]])
def test_grants_beyond_what_is_held_are_taken_away_and_nothing_else(history: list[KeyEvent]) -> None:
    given(KEY, *history).when(LIMIT).then(LIMITED)
    given(KEY, *history, LIMITED).when(LIMIT).then_nothing()


def test_nothing_is_added() -> None:
    given(KEY, CREATED).when(LIMIT).then_nothing()


@pytest.mark.parametrize("end", [EXPIRED, REVOKED])
def test_a_key_that_has_ended_stays_as_it_was(end: KeyEvent) -> None:
    given(KEY, MADE, end).when(LIMIT).then_nothing()


def test_a_key_that_never_was_is_not_limited() -> None:
    given(KEY).when(LIMIT).then_refused(KeyNotFound)
