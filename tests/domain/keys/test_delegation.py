"""Delegation limits (I12): single cases here, sequences in `test_sequences.py`."""

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


def test_the_scope_of_a_key_contains_all_its_bounds() -> None:
    state = KEY.fold([WITHIN])
    assert state is not None
    assert scope_of(state.key) == Scope(WITHIN.permissions, "live", at(1000), WITHIN.allowed_ips)


def test_an_owner_can_grant_everything() -> None:
    everything = replace(CREATED, permissions=UNRESTRICTED.permissions, environment="test")
    given(KEY).when(replace(CREATE, permissions=UNRESTRICTED.permissions, environment="test")).then(everything)


def test_a_key_can_grant_what_it_has() -> None:
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
def test_a_key_cannot_grant_mcps_tools_or_grants_that_it_lacks(
    permissions: Permissions, details: dict[str, object]
) -> None:
    given(KEY).when(replace(CREATE_WITHIN, permissions=permissions)).then_refused(ExceedsAuthority, **details)


@pytest.mark.parametrize("expires_at", [None, at(1000.000001)])
def test_a_key_cannot_grant_a_later_expiry_than_its_own(expires_at: datetime | None) -> None:
    given(KEY).when(replace(CREATE_WITHIN, expires_at=expires_at)).then_refused(ExceedsAuthority, expires_at=EXPIRY)


@pytest.mark.parametrize("allowed_ips", [(), ("0.0.0.0/0",), ("10.1.0.0/16", "11.0.0.0/8"), ("::/0",), ("10.0.0.0/7",)])
def test_a_key_cannot_grant_addresses_outside_its_own(allowed_ips: tuple[str, ...]) -> None:
    command = replace(CREATE_WITHIN, allowed_ips=allowed_ips)
    given(KEY).when(command).then_refused(ExceedsAuthority, allowed_ips=ADDRESSES)


def test_a_key_cannot_grant_another_environment() -> None:
    command = replace(CREATE_WITHIN, environment="test")
    given(KEY).when(command).then_refused(ExceedsAuthority, environment=ENVIRONMENT)


def test_a_key_without_permissions_must_also_stay_within_its_creators_bounds() -> None:
    command = replace(CREATE, authority=CALLER, permissions=Permissions(), environment="test")
    given(KEY).when(command).then_refused(
        ExceedsAuthority, expires_at=EXPIRY, allowed_ips=ADDRESSES, environment=ENVIRONMENT
    )


def test_a_key_for_all_mcps_cannot_grant_mcps_of_the_other_environment() -> None:
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


def test_a_key_for_all_mcps_cannot_grant_itself_the_other_environment() -> None:
    itself = Scope(Permissions(mcps="*"), environment="live")
    given(KEY, CREATED).when(replace(CHANGE, authority=itself, permissions=Permissions(mcps=(TEST_MCP,)))).then_refused(
        ExceedsAuthority, permissions=CALLS
    )


def test_a_key_for_all_mcps_cannot_rotate_a_key_for_the_other_environment() -> None:
    authority = Scope(Permissions(mcps="*"), environment="live")
    away = replace(CREATED, permissions=Permissions(mcps=(TEST_MCP,)))
    given(KEY, away).when(replace(ROTATE, authority=authority)).then_refused(ExceedsAuthority, permissions=CALLS)
    home = replace(CREATED, permissions=Permissions(mcps=(LIVE_MCP,)))
    assert given(KEY, home).when(replace(ROTATE, authority=authority)).refusal is None
    # A deleted MCP grants no access.
    assert given(KEY, away).when(replace(ROTATE, authority=authority, known_mcps={LIVE_MCP: "live"})).refusal is None


def test_a_rate_limit_is_not_bound_by_the_callers_own() -> None:
    command = replace(CREATE_WITHIN, rate_limit=RateLimit(1_000_000))
    given(KEY).when(command).then(replace(WITHIN, rate_limit=RateLimit(1_000_000)))


def test_a_caller_with_keys_write_can_narrow_any_key() -> None:
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
    ("command", "details"),
    [
        (replace(CHANGE, permissions=Permissions(mcps=(LIVE_MCP,))), {"permissions": CALLS}),
        (replace(CHANGE, permissions=Permissions(manage=("keys:read", "audit:read"))), {"required": ["audit:read"]}),
        (replace(CHANGE, expires_at=None), {"expires_at": EXPIRY}),
        (replace(CHANGE, allowed_ips=()), {"allowed_ips": ADDRESSES}),
    ],
)
def test_a_key_cannot_widen_its_own_scope(command: object, details: dict[str, object]) -> None:
    assert isinstance(command, type(CHANGE))
    authority = Scope(WITHIN.permissions, "live", WITHIN.expires_at, WITHIN.allowed_ips)
    given(KEY, WITHIN).when(replace(command, authority=authority)).then_refused(ExceedsAuthority, **details)


@pytest.mark.parametrize(
    "lasting",
    [
        Permissions(mcps=(LIVE_MCP,), tools=GETTERS, manage=("keys:read", "keys:write")),
        Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(allow=("get_*", "list"))}, manage=("keys:read",)),
    ],
)
def test_permissions_granted_to_another_key_end_with_the_granting_key(lasting: Permissions) -> None:
    """Without this, a key on its last day could outlive itself through a key that it widened."""
    endless = replace(WITHIN, expires_at=None)
    brief = replace(NO_BOUND, expires_at=at(1000))
    given(KEY, endless).when(replace(CHANGE, authority=brief, permissions=lasting)).then_refused(
        ExceedsAuthority, expires_at=EXPIRY
    )
    given(KEY, endless).when(replace(CHANGE, authority=brief, permissions=lasting, expires_at=at(1000))).then(
        KeyPermissionsChanged(permissions=lasting, rate_limit=None, allowed_ips=WITHIN.allowed_ips),
        KeyExpirationChanged(at(1000)),
    )


@pytest.mark.parametrize(
    "command", [replace(CHANGE, expires_at=at(1001)), replace(CHANGE, allowed_ips=("10.0.0.0/8",))]
)
def test_only_a_caller_with_all_permissions_of_a_key_can_extend_its_expiry_or_addresses(command: object) -> None:
    assert isinstance(command, type(CHANGE))
    poor = Scope(Permissions())
    given(KEY, WITHIN).when(replace(command, authority=poor)).then_refused(
        ExceedsAuthority, permissions=CALLS, required=["keys:read"]
    )
    assert given(KEY, WITHIN).when(replace(command, authority=NO_BOUND)).refusal is None


def test_a_key_of_the_other_environment_can_be_narrowed_but_not_widened() -> None:
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
def test_a_rotation_beyond_the_callers_authority_is_refused(created: KeyCreated, details: dict[str, object]) -> None:
    given(KEY, created).when(replace(ROTATE, authority=CALLER)).then_refused(ExceedsAuthority, **details)


def test_a_rotation_within_the_callers_authority_is_accepted() -> None:
    assert given(KEY, WITHIN).when(replace(ROTATE, authority=CALLER)).events[0] == ROTATED
    # A caller who may not rotate cannot find out whether this is the secret either.
    same = replace(ROTATE, authority=Scope(Permissions()), secret=a_record(1))
    assert isinstance(given(KEY, WITHIN).when(same).refusal, ExceedsAuthority)
