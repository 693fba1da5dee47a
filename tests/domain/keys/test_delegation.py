"""That nobody hands out more than they have (I12): case by case here, over all sequences in `test_sequences.py`."""

from datetime import datetime

import pytest
from msgspec.structs import replace

from domain.keys.decider import KEY
from domain.keys.delegation import UNRESTRICTED, Scope, scope_of
from domain.keys.errors import ExceedsAuthority
from domain.keys.events import KeyCreated, KeyExpirationChanged, KeyPermissionsChanged, RateLimit
from domain.keys.permissions import Permissions, ToolRule
from tests.domain.sample import (
    CHANGE,
    CREATE,
    CREATED,
    LIVE_MCP,
    LIVE_MCP_2,
    MCPS,
    ROTATE,
    ROTATED,
    TEST_MCP,
    a_record,
    at,
)
from tests.given import given

CALLS = "Must not contain MCP servers or tools that the caller cannot use"
EXPIRY = "Must not be later than the caller's own expiry"
ADDRESSES = "Must be a subset of the caller's own allowed_ips"
ENVIRONMENT = "Must be live, like the caller's own key"

GETTERS = {LIVE_MCP: ToolRule(allow=("get_*",))}
CALLER = Scope(
    Permissions(mcps=(LIVE_MCP,), tools=GETTERS, manage=("keys:read", "keys:write")),
    environment="live",
    expires_at=at(1000),
    allowed_ips=("10.0.0.0/8",),
)
WITHIN = replace(
    CREATED,
    permissions=Permissions(mcps=(LIVE_MCP,), tools=GETTERS, manage=("keys:read",)),
    expires_at=at(1000),
    allowed_ips=("10.1.0.0/16", "10.2.0.1/32"),
)
CREATE_WITHIN = replace(
    CREATE,
    authority=CALLER,
    permissions=WITHIN.permissions,
    expires_at=WITHIN.expires_at,
    allowed_ips=WITHIN.allowed_ips,
)
NO_BOUND = Scope(Permissions(mcps="*", manage=CALLER.permissions.manage))


def test_the_reach_of_a_key_is_all_that_it_may_do() -> None:
    state = KEY.fold([WITHIN])
    assert state is not None
    assert scope_of(state.key) == Scope(WITHIN.permissions, "live", at(1000), WITHIN.allowed_ips)


def test_an_owner_gives_everything() -> None:
    everything = replace(CREATED, permissions=UNRESTRICTED.permissions, environment="test")
    given(KEY).when(replace(CREATE, permissions=UNRESTRICTED.permissions, environment="test")).then(everything)


def test_a_key_gives_what_it_has() -> None:
    given(KEY).when(CREATE_WITHIN).then(WITHIN)


@pytest.mark.parametrize(
    ("permissions", "details"),
    [
        (Permissions(mcps="*", tools=GETTERS), {"permissions": CALLS}),
        (Permissions(mcps=(LIVE_MCP_2,)), {"permissions": CALLS}),
        (Permissions(mcps=(LIVE_MCP,)), {"permissions": CALLS}),
        (Permissions(manage=("mcps:write", "keys:read", "audit:read")), {"required": ["audit:read", "mcps:write"]}),
        (Permissions(mcps="*", manage=("audit:read",)), {"permissions": CALLS, "required": ["audit:read"]}),
    ],
)
def test_a_key_gives_no_mcp_tool_or_grant_that_it_has_not(permissions: Permissions, details: dict[str, object]) -> None:
    given(KEY).when(replace(CREATE_WITHIN, permissions=permissions)).then_refused(ExceedsAuthority, **details)


@pytest.mark.parametrize("expires_at", [None, at(1000.000001)])
def test_a_key_gives_no_time_that_it_has_not(expires_at: datetime | None) -> None:
    given(KEY).when(replace(CREATE_WITHIN, expires_at=expires_at)).then_refused(ExceedsAuthority, expires_at=EXPIRY)


@pytest.mark.parametrize("allowed_ips", [(), ("0.0.0.0/0",), ("10.1.0.0/16", "11.0.0.0/8"), ("::/0",), ("10.0.0.0/7",)])
def test_a_key_gives_no_address_that_it_has_not(allowed_ips: tuple[str, ...]) -> None:
    wish = replace(CREATE_WITHIN, allowed_ips=allowed_ips)
    given(KEY).when(wish).then_refused(ExceedsAuthority, allowed_ips=ADDRESSES)


def test_a_key_gives_no_environment_that_it_has_not() -> None:
    wish = replace(CREATE_WITHIN, environment="test")
    given(KEY).when(wish).then_refused(ExceedsAuthority, environment=ENVIRONMENT)


def test_even_a_key_that_opens_nothing_is_made_within_the_bounds_of_its_maker() -> None:
    wish = replace(CREATE, authority=CALLER, permissions=Permissions(), environment="test")
    given(KEY).when(wish).then_refused(
        ExceedsAuthority, expires_at=EXPIRY, allowed_ips=ADDRESSES, environment=ENVIRONMENT
    )


def test_a_key_for_all_mcps_gives_no_way_into_the_other_environment() -> None:
    authority = Scope(Permissions(mcps="*"), environment="live")
    home = Permissions(mcps=(LIVE_MCP,))
    given(KEY).when(replace(CREATE, authority=authority, permissions=home)).then(replace(CREATED, permissions=home))
    given(KEY).when(replace(CREATE, authority=authority)).then(CREATED)
    away = Permissions(mcps=(LIVE_MCP, TEST_MCP))
    given(KEY).when(replace(CREATE, authority=authority, permissions=away)).then_refused(
        ExceedsAuthority, permissions=CALLS
    )
    listed = Scope(away, environment="live")
    given(KEY).when(replace(CREATE, authority=listed, permissions=away)).then(replace(CREATED, permissions=away))


def test_a_key_for_all_mcps_does_not_let_itself_into_the_other_environment() -> None:
    itself = Scope(Permissions(mcps="*"), environment="live")
    given(KEY, CREATED).when(replace(CHANGE, authority=itself, permissions=Permissions(mcps=(TEST_MCP,)))).then_refused(
        ExceedsAuthority, permissions=CALLS
    )


def test_a_key_for_all_mcps_is_not_handed_a_key_into_the_other_environment() -> None:
    authority = Scope(Permissions(mcps="*"), environment="live")
    away = replace(CREATED, permissions=Permissions(mcps=(TEST_MCP,)))
    given(KEY, away).when(replace(ROTATE, authority=authority)).then_refused(ExceedsAuthority, permissions=CALLS)
    home = replace(CREATED, permissions=Permissions(mcps=(LIVE_MCP,)))
    assert given(KEY, home).when(replace(ROTATE, authority=authority)).refusal is None
    # A deleted MCP opens nothing any more.
    assert given(KEY, away).when(replace(ROTATE, authority=authority, known_mcps={LIVE_MCP: "live"})).refusal is None


def test_a_rate_limit_is_no_part_of_what_can_be_given() -> None:
    wish = replace(CREATE_WITHIN, rate_limit=RateLimit(1_000_000))
    given(KEY).when(wish).then(replace(WITHIN, rate_limit=RateLimit(1_000_000)))


def test_whoever_may_write_keys_may_narrow_any_of_them() -> None:
    nothing = Scope(Permissions(), environment="test", expires_at=at(61), allowed_ips=("192.0.2.1",))
    narrowing = replace(
        CHANGE, authority=nothing, permissions=Permissions(), expires_at=at(500), allowed_ips=("10.1.1.0/24",)
    )
    given(KEY, WITHIN).when(narrowing).then(
        KeyPermissionsChanged(permissions=Permissions(), rate_limit=None, allowed_ips=("10.1.1.0/24",)),
        KeyExpirationChanged(at(500)),
    )
    assert given(KEY, WITHIN).when(replace(CHANGE, authority=nothing, name="New")).refusal is None


@pytest.mark.parametrize(
    ("wish", "details"),
    [
        (replace(CHANGE, permissions=Permissions(mcps=(LIVE_MCP,))), {"permissions": CALLS}),
        (replace(CHANGE, permissions=Permissions(manage=("keys:read", "audit:read"))), {"required": ["audit:read"]}),
        (replace(CHANGE, expires_at=None), {"expires_at": EXPIRY}),
        (replace(CHANGE, allowed_ips=()), {"allowed_ips": ADDRESSES}),
    ],
)
def test_a_key_does_not_widen_itself(wish: object, details: dict[str, object]) -> None:
    assert isinstance(wish, type(CHANGE))
    authority = Scope(WITHIN.permissions, "live", WITHIN.expires_at, WITHIN.allowed_ips)
    given(KEY, WITHIN).when(replace(wish, authority=authority)).then_refused(ExceedsAuthority, **details)


@pytest.mark.parametrize(
    "lasting",
    [
        Permissions(mcps=(LIVE_MCP,), tools=GETTERS, manage=("keys:read", "keys:write")),
        Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(allow=("get_*", "list"))}, manage=("keys:read",)),
    ],
)
def test_what_a_key_gives_to_another_ends_with_itself(lasting: Permissions) -> None:
    """Else a key on its last day could live on in the wider key that it made of another."""
    endless = replace(WITHIN, expires_at=None)
    brief = replace(NO_BOUND, expires_at=at(1000))
    given(KEY, endless).when(replace(CHANGE, authority=brief, permissions=lasting)).then_refused(
        ExceedsAuthority, expires_at=EXPIRY
    )
    given(KEY, endless).when(replace(CHANGE, authority=brief, permissions=lasting, expires_at=at(1000))).then(
        KeyPermissionsChanged(permissions=lasting, rate_limit=None, allowed_ips=WITHIN.allowed_ips),
        KeyExpirationChanged(at(1000)),
    )


@pytest.mark.parametrize("wish", [replace(CHANGE, expires_at=at(1001)), replace(CHANGE, allowed_ips=("10.0.0.0/8",))])
def test_a_longer_life_or_more_addresses_are_given_only_by_one_who_may_do_all_of_it(wish: object) -> None:
    assert isinstance(wish, type(CHANGE))
    poor = Scope(Permissions())
    given(KEY, WITHIN).when(replace(wish, authority=poor)).then_refused(
        ExceedsAuthority, permissions=CALLS, required=["keys:read"]
    )
    assert given(KEY, WITHIN).when(replace(wish, authority=NO_BOUND)).refusal is None


def test_a_key_of_the_other_environment_is_narrowed_but_not_widened() -> None:
    other = replace(WITHIN, environment="test")
    live = replace(NO_BOUND, environment="live", permissions=Permissions(mcps=tuple(MCPS), manage=("keys:write",)))
    given(KEY, other).when(
        replace(CHANGE, authority=live, permissions=Permissions(mcps=(LIVE_MCP, TEST_MCP), tools=GETTERS))
    ).then_refused(ExceedsAuthority, environment=ENVIRONMENT)
    assert given(KEY, other).when(replace(CHANGE, authority=live, permissions=Permissions())).refusal is None


@pytest.mark.parametrize(
    ("created", "details"),
    [
        (replace(WITHIN, permissions=Permissions(mcps="*")), {"permissions": CALLS}),
        (replace(WITHIN, permissions=Permissions(manage=("audit:read",))), {"required": ["audit:read"]}),
        (replace(WITHIN, expires_at=None), {"expires_at": EXPIRY}),
        (replace(WITHIN, allowed_ips=()), {"allowed_ips": ADDRESSES}),
        (replace(WITHIN, environment="test"), {"environment": ENVIRONMENT}),
    ],
)
def test_a_rotation_hands_no_one_more_than_they_have(created: KeyCreated, details: dict[str, object]) -> None:
    given(KEY, created).when(replace(ROTATE, authority=CALLER)).then_refused(ExceedsAuthority, **details)


def test_a_rotation_within_is_done() -> None:
    assert given(KEY, WITHIN).when(replace(ROTATE, authority=CALLER)).events[0] == ROTATED
    # Nor does one who may not rotate learn whether this is the secret.
    same = replace(ROTATE, authority=Scope(Permissions()), secret=a_record(1))
    assert isinstance(given(KEY, WITHIN).when(same).refusal, ExceedsAuthority)
