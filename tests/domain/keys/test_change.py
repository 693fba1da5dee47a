from datetime import datetime, timedelta, timezone
from hashlib import sha256

import pytest
from msgspec.structs import replace

from domain.keys.decider import KEY
from domain.keys.errors import KeyHasExpired, KeyIsRevoked, KeyNotFound, LastActiveKey
from domain.keys.events import (
    KeyCreated,
    KeyDetailsChanged,
    KeyExpirationChanged,
    KeyPermissionsChanged,
    RateLimit,
)
from domain.keys.fields import CONTAINS_IMPORTED, IMPORTED_CANNOT_GET_GRANTS
from domain.keys.permissions import Permissions
from domain.keys.state import Active, Disabled
from domain.refusal import Invalid
from tests.domain.sample import (
    CHANGE,
    CREATED,
    DISABLED,
    EXPIRED,
    ITSELF,
    LAST_ACTIVE,
    LIVE_MCP,
    LIVE_MCP_2,
    RETIRED,
    REVOKED,
    ROTATED,
    UNKNOWN_MCP,
    at,
)
from tests.given import given

EXPIRING = replace(CREATED, expires_at=at(3600))
DETAILS = KeyDetailsChanged(name="Deploy", description="", metadata={})
PERMISSIONS = KeyPermissionsChanged(permissions=Permissions(mcps="*"), rate_limit=None, allowed_ips=())


def test_a_missing_key_cannot_be_changed() -> None:
    given(KEY).when(replace(CHANGE, name="New")).then_refused(KeyNotFound)


def test_omitted_fields_are_unchanged() -> None:
    given(KEY, CREATED).when(replace(CHANGE, name="New")).then(replace(DETAILS, name="New"))
    given(KEY, CREATED).when(replace(CHANGE, description="x")).then(replace(DETAILS, description="x"))
    given(KEY, CREATED).when(replace(CHANGE, metadata={"a": "b"})).then(replace(DETAILS, metadata={"a": "b"}))


def test_a_change_does_not_record_an_imported_secret() -> None:
    secret = f"acme_{'0123456789' * 2}"
    change = replace(CHANGE, known_secrets=frozenset({sha256(secret.encode()).digest()}))
    for fields, path in (
        ({"name": secret}, "name"),
        ({"description": f"Token {secret}"}, "description"),
        ({"metadata": {"token": secret}}, "metadata.token"),
    ):
        given(KEY, CREATED).when(replace(change, **fields)).then_refused(Invalid, **{path: CONTAINS_IMPORTED})
    given(KEY, CREATED).when(replace(change, name="New")).then(replace(DETAILS, name="New"))


def test_permissions_rate_limit_and_addresses_are_one_event() -> None:
    changes = {"permissions": Permissions(mcps=(LIVE_MCP,)), "rate_limit": RateLimit(5), "allowed_ips": ("10.0.0.0/8",)}
    given(KEY, CREATED).when(replace(CHANGE, **changes)).then(replace(PERMISSIONS, **changes))
    for field, value in changes.items():
        given(KEY, CREATED).when(replace(CHANGE, **{field: value})).then(replace(PERMISSIONS, **{field: value}))


def test_a_key_gets_no_management_grants_while_an_imported_secret_is_valid() -> None:
    imported, overlapping = replace(CREATED, imported=True), replace(ROTATED, previous_valid_until=at(90))
    managing = Permissions(mcps="*", manage=("keys:read",))
    grant, problem = replace(CHANGE, permissions=managing), {"permissions.manage": IMPORTED_CANNOT_GET_GRANTS}
    given(KEY, imported).when(grant).then_refused(Invalid, **problem)
    given(KEY, imported, overlapping).when(grant).then_refused(Invalid, **problem)
    given(KEY, imported, overlapping).when(replace(grant, at=at(90))).then(replace(PERMISSIONS, permissions=managing))
    given(KEY, imported, overlapping, RETIRED).when(grant).then(replace(PERMISSIONS, permissions=managing))
    given(KEY, CREATED).when(grant).then(replace(PERMISSIONS, permissions=managing))


def test_other_permissions_of_an_imported_key_can_be_changed() -> None:
    narrow = Permissions(mcps=(LIVE_MCP,))
    given(KEY, replace(CREATED, imported=True)).when(replace(CHANGE, permissions=narrow)).then(
        replace(PERMISSIONS, permissions=narrow)
    )


def test_a_rate_limit_and_an_address_list_can_be_removed() -> None:
    bound = replace(CREATED, rate_limit=RateLimit(5), allowed_ips=("10.0.0.0/8",))
    given(KEY, bound).when(replace(CHANGE, rate_limit=None, allowed_ips=())).then(PERMISSIONS)


def test_an_address_mask_stored_by_an_earlier_version_stays_until_the_list_is_changed() -> None:
    masked = replace(CREATED, allowed_ips=("10.0.0.0/0.255.255.255",))
    given(KEY, masked).when(replace(CHANGE, name="New")).then(replace(DETAILS, name="New"))
    refused = given(KEY, masked).when(replace(CHANGE, allowed_ips=("10.0.0.0/255.0.0.0",)))
    refused.then_refused(
        Invalid,
        **{"allowed_ips[0]": "Must have a prefix length after the slash instead of a mask, such as 10.0.0.0/8"},
    )


def test_an_expiry_can_be_set_moved_and_removed() -> None:
    given(KEY, CREATED).when(replace(CHANGE, expires_at=at(99))).then(KeyExpirationChanged(at(99)))
    given(KEY, EXPIRING).when(replace(CHANGE, expires_at=at(99))).then(KeyExpirationChanged(at(99)))
    given(KEY, EXPIRING).when(replace(CHANGE, expires_at=None)).then(KeyExpirationChanged(None))


def test_an_unchanged_expiry_is_not_validated_and_a_new_one_must_be_in_the_future() -> None:
    given(KEY, EXPIRING).when(replace(CHANGE, name="New")).then(replace(DETAILS, name="New"))
    for expires_at in (at(60), at(59)):
        given(KEY, EXPIRING).when(replace(CHANGE, expires_at=expires_at)).then_refused(
            Invalid, expires_at="Must be a future date"
        )


def test_the_same_instant_in_another_time_zone_is_not_a_change() -> None:
    elsewhere = at(3600).astimezone(timezone(timedelta(hours=-7)))
    given(KEY, EXPIRING).when(replace(CHANGE, expires_at=elsewhere)).then_nothing()


def test_a_new_expiry_is_stored_in_utc_and_needs_a_time_zone() -> None:
    elsewhere = at(99).astimezone(timezone(timedelta(hours=-7)))
    outcome = given(KEY, EXPIRING).when(replace(CHANGE, expires_at=elsewhere))
    assert repr(outcome.events) == repr((KeyExpirationChanged(at(99)),))
    naive = datetime(2030, 1, 1)  # noqa: DTZ001 -- a request can contain one
    given(KEY, EXPIRING).when(replace(CHANGE, expires_at=naive)).then_refused(
        Invalid, expires_at="Must have a time zone, such as the Z in 2030-01-31T00:00:00Z"
    )


@pytest.mark.parametrize("created", [CREATED, EXPIRING])
def test_a_change_to_the_current_values_records_nothing(created: KeyCreated) -> None:
    given(KEY, created).when(CHANGE).then_nothing()
    same = replace(
        CHANGE,
        name=created.name,
        description=created.description,
        metadata=created.metadata,
        permissions=created.permissions,
        rate_limit=created.rate_limit,
        allowed_ips=created.allowed_ips,
        expires_at=created.expires_at,
    )
    given(KEY, created).when(same).then_nothing()


def test_changing_everything_records_three_events_in_a_fixed_order() -> None:
    command = replace(CHANGE, name="New", permissions=Permissions(), expires_at=at(99))
    given(KEY, CREATED).when(command).then(
        replace(DETAILS, name="New"), replace(PERMISSIONS, permissions=Permissions()), KeyExpirationChanged(at(99))
    )


def test_a_changed_key_is_validated_like_a_new_one() -> None:
    command = replace(
        CHANGE,
        name="",
        description="x" * 501,
        metadata={"": ""},
        rate_limit=RateLimit(0),
        allowed_ips=("x",),
        permissions=Permissions(mcps=(UNKNOWN_MCP,)),
    )
    given(KEY, CREATED).when(command).then_refused(
        Invalid,
        **{
            "name": "Must not be empty",
            "description": "Must have at most 500 characters",
            "metadata": "A name must not be empty or contain control characters",
            "rate_limit.per_second": "Must be between 1 and 1000000",
            "allowed_ips[0]": "Must be an IPv4 or IPv6 network such as 10.0.0.0/8 or 2001:db8::/32",
            "permissions.mcps": f"No such MCP in this organization: {UNKNOWN_MCP}",
        },
    )


def test_a_deleted_mcp_does_not_block_other_changes() -> None:
    listing = replace(CREATED, permissions=Permissions(mcps=(LIVE_MCP, LIVE_MCP_2)))
    after_deletion = replace(CHANGE, known_mcps={LIVE_MCP: "live"})
    given(KEY, listing).when(replace(after_deletion, name="New")).then(replace(DETAILS, name="New"))
    given(KEY, listing).when(replace(after_deletion, permissions=Permissions(mcps=(LIVE_MCP_2,)))).then_refused(
        Invalid, **{"permissions.mcps": f"No such MCP in this organization: {LIVE_MCP_2}"}
    )


def test_a_disabled_key_can_be_changed_and_stays_disabled() -> None:
    given(KEY, CREATED, DISABLED).when(replace(CHANGE, name="New")).then(replace(DETAILS, name="New"))
    state = KEY.fold([CREATED, DISABLED, replace(DETAILS, name="New"), PERMISSIONS, KeyExpirationChanged(at(99))])
    assert isinstance(state, Disabled)
    assert (state.key.name, state.key.expires_at, state.key.revision) == ("New", at(99), 5)


def test_every_event_increments_the_revision_and_updates_the_state() -> None:
    details = KeyDetailsChanged(name="New", description="d", metadata={"a": "b"})
    permissions = KeyPermissionsChanged(Permissions(manage=("keys:read",)), RateLimit(7), ("192.0.2.0/24",))
    state = KEY.fold([CREATED, details, permissions, KeyExpirationChanged(at(99))])
    assert isinstance(state, Active)
    key = state.key
    assert (key.name, key.description, key.metadata) == ("New", "d", {"a": "b"})
    assert (key.permissions, key.rate_limit, key.allowed_ips) == (
        permissions.permissions,
        RateLimit(7),
        ("192.0.2.0/24",),
    )
    assert (key.expires_at, key.revision) == (at(99), 4)


def test_a_revoked_or_expired_key_cannot_be_changed() -> None:
    given(KEY, CREATED, REVOKED).when(CHANGE).then_refused(KeyIsRevoked)
    given(KEY, EXPIRING, EXPIRED).when(CHANGE).then_refused(KeyHasExpired)


def test_an_expired_key_cannot_be_prolonged() -> None:
    given(KEY, EXPIRING).when(replace(CHANGE, at=at(3599.999999), expires_at=None)).then(KeyExpirationChanged(None))
    given(KEY, EXPIRING).when(replace(CHANGE, at=at(3600), expires_at=None)).then_refused(KeyHasExpired)
    given(KEY, EXPIRING, DISABLED).when(replace(CHANGE, at=at(3600), expires_at=None)).then_refused(KeyHasExpired)


def test_the_last_active_key_cannot_shorten_its_own_expiry() -> None:
    by_itself = replace(CHANGE, by=ITSELF, counts=LAST_ACTIVE)
    soon, later = CHANGE.at + timedelta(hours=23), CHANGE.at + timedelta(days=2)
    given(KEY, CREATED).when(replace(by_itself, expires_at=soon)).then_refused(LastActiveKey)
    given(KEY, CREATED).when(replace(by_itself, expires_at=later)).then(KeyExpirationChanged(expires_at=later))
