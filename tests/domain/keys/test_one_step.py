"""Single commands by one key on another, for any two keys: the step that `test_sequences.py` chains.

Sequences rarely reach two keys that differ in one dimension only; here each draw is such a pair.
"""

from datetime import datetime

from hypothesis import event, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.environment import Environment
from domain.keys.commands import KeyCommand
from domain.keys.decider import KEY
from domain.keys.delegation import scope_of
from domain.keys.events import KeyCreated, KeyDisabled
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.state import Existing
from domain.refusal import Refusal
from tests.domain.keys.test_sequences import SOME_GRANTS, Question, access_of
from tests.domain.sample import (
    CHANGE,
    CREATE,
    CREATED,
    ENABLE,
    LIVE_MCP,
    LIVE_MCP_2,
    OTHER_KEY_ID,
    ROTATE,
    TEST_MCP,
    at,
)

ALLOW_GET = ToolRule(allow=("get_*",))
mcps = st.sampled_from(["*", (LIVE_MCP,), (TEST_MCP,), (LIVE_MCP, LIVE_MCP_2), (LIVE_MCP, TEST_MCP), ()])
tools = st.sampled_from(
    [
        {},
        {},
        {LIVE_MCP: ALLOW_GET},
        {LIVE_MCP: ToolRule(allow=("get_a",))},
        {LIVE_MCP: ToolRule(deny=("get_a",))},
        {LIVE_MCP: ToolRule(allow=("[g]*",), deny=("get_b",)), TEST_MCP: ALLOW_GET},
    ]
)
manage = st.sampled_from([(), SOME_GRANTS[:1], SOME_GRANTS[:2], SOME_GRANTS[1:]])
permissions = st.builds(Permissions, mcps=mcps, tools=tools, manage=manage)
environments: st.SearchStrategy[Environment] = st.sampled_from(["live", "live", "live", "test"])
expiries: st.SearchStrategy[datetime | None] = st.sampled_from([None, None, at(10), at(20)])
addresses = st.sampled_from([(), (), ("10.0.0.0/8",), ("10.1.0.0/16",), ("10.0.0.0/8", "::/0")])

keys = st.builds(
    KeyCreated,
    key_id=st.just(CREATED.key_id),
    organization_id=st.just(CREATED.organization_id),
    name=st.just("A key"),
    environment=environments,
    permissions=permissions,
    secret=st.just(CREATED.secret),
    created_at=st.just(at(0)),
    created_by=st.just(CREATED.created_by),
    expires_at=expiries,
    allowed_ips=addresses,
)


def like(*others: KeyCreated) -> st.SearchStrategy[KeyCreated]:
    """Draw a key that takes each attribute from one of `others` or, sometimes, a new value."""

    def one(attribute: str, own: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
        return st.sampled_from([getattr(other, attribute) for other in others]) | own

    parts = st.fixed_dictionaries(
        {
            "environment": one("environment", environments),
            "permissions": one("permissions", permissions),
            "expires_at": one("expires_at", expiries),
            "allowed_ips": one("allowed_ips", addresses),
        }
    )
    return parts.map(lambda changes: replace(CREATED, **changes))


def state_of(created: KeyCreated) -> Existing:
    state = KEY.fold([created])
    assert state is not None
    return state


def after(before: Existing | None, command: KeyCommand) -> frozenset[Question] | None:
    """Return what the key can access after the command, or None if the command was refused."""
    try:
        events = KEY.decide(before, command)
    except Refusal:
        event("refused")
        return None
    event("accepted")
    state = KEY.fold(events, before)
    assert state is not None
    return access_of(state)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_key_can_create_only_keys_within_its_own_scope(data: st.DataObject) -> None:
    caller = data.draw(keys)
    request = data.draw(like(caller))
    command = replace(
        CREATE,
        key_id=OTHER_KEY_ID,
        environment=request.environment,
        permissions=request.permissions,
        expires_at=request.expires_at,
        allowed_ips=request.allowed_ips,
        at=at(0),
        authority=scope_of(state_of(caller).key),
    )
    opens = after(None, command)
    assert opens is None or opens <= access_of(state_of(caller))


@settings(max_examples=800, deadline=None)
@given(st.data())
def test_a_key_can_add_only_its_own_access_to_any_key(data: st.DataObject) -> None:
    caller = data.draw(keys)
    target = data.draw(like(caller))
    request = data.draw(like(caller, target))
    command = replace(
        CHANGE,
        permissions=request.permissions,
        expires_at=request.expires_at,
        allowed_ips=request.allowed_ips,
        at=at(0),
        authority=scope_of(state_of(caller).key),
    )
    opens = after(state_of(target), command)
    assert opens is None or opens <= access_of(state_of(caller)) | access_of(state_of(target))


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_key_can_rotate_or_enable_only_keys_within_its_own_scope(data: st.DataObject) -> None:
    caller = data.draw(keys)
    target = state_of(data.draw(like(caller)))
    authority = scope_of(state_of(caller).key)
    opens = after(target, replace(ROTATE, at=at(0), authority=authority))
    assert opens is None or opens <= access_of(state_of(caller))
    disabled = KEY.evolve(target, KeyDisabled(at(0)))
    opens = after(disabled, replace(ENABLE, at=at(0), authority=authority))
    assert opens is None or opens <= access_of(state_of(caller))
