from msgspec.structs import replace

from domain.keys.commands import DisableKey
from domain.keys.decider import KEY
from domain.keys.delegation import Scope
from domain.keys.errors import ExceedsAuthority, KeyHasExpired, KeyIsRevoked, KeyNotFound, LastActiveKey
from domain.keys.events import KeyDisabled, KeyEnabled
from domain.keys.permissions import Permissions
from domain.keys.state import Active, Disabled
from tests.domain.sample import CREATED, DISABLED, ENABLE, EXPIRED, ITSELF, LAST_ACTIVE, LIVE_MCP, REVOKED, at
from tests.given import given

ENABLED = KeyEnabled(at(60))


def test_a_key_is_disabled_and_enabled_again() -> None:
    given(KEY, CREATED).when(DisableKey(at(60))).then(KeyDisabled(at(60)))
    given(KEY, CREATED, DISABLED).when(ENABLE).then(ENABLED)
    disabled, enabled = KEY.fold([CREATED, DISABLED]), KEY.fold([CREATED, DISABLED, ENABLED])
    assert isinstance(disabled, Disabled)
    assert (disabled.disabled_at, disabled.key.revision) == (at(30), 2)
    assert isinstance(enabled, Active)
    assert enabled.key.revision == 3


def test_disabling_or_enabling_again_changes_nothing() -> None:
    given(KEY, CREATED, DISABLED).when(DisableKey(at(60))).then_nothing()
    given(KEY, CREATED).when(ENABLE).then_nothing()


def test_a_missing_key_cannot_be_disabled_or_enabled() -> None:
    given(KEY).when(DisableKey(at(60))).then_refused(KeyNotFound)
    given(KEY).when(ENABLE).then_refused(KeyNotFound)


def test_a_revoked_or_expired_key_cannot_be_disabled_or_enabled() -> None:
    expiring = replace(CREATED, expires_at=at(60))
    for command in (DisableKey(at(60)), ENABLE):
        given(KEY, CREATED, REVOKED).when(command).then_refused(KeyIsRevoked)
        given(KEY, CREATED, EXPIRED).when(command).then_refused(KeyHasExpired)
        given(KEY, expiring).when(command).then_refused(KeyHasExpired)
        given(KEY, expiring, DISABLED).when(command).then_refused(KeyHasExpired)


def test_only_a_caller_with_all_permissions_of_a_key_can_enable_it() -> None:
    narrow = replace(ENABLE, authority=Scope(Permissions(mcps=(LIVE_MCP,))))
    given(KEY, CREATED, DISABLED).when(narrow).then_refused(
        ExceedsAuthority, permissions="Must not contain MCP servers or tools that the caller cannot use"
    )
    given(KEY, replace(CREATED, permissions=Permissions(mcps=(LIVE_MCP,))), DISABLED).when(narrow).then(ENABLED)
    given(KEY, CREATED).when(narrow).then_nothing()


def test_the_last_active_key_cannot_disable_itself() -> None:
    by_itself = DisableKey(at(60), by=ITSELF, counts=LAST_ACTIVE)
    given(KEY, CREATED).when(by_itself).then_refused(LastActiveKey)
    given(KEY, CREATED).when(replace(by_itself, counts=replace(LAST_ACTIVE, active=2))).then(KeyDisabled(at(60)))
