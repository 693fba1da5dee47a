from hashlib import sha256
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.environment import Environment
from domain.grants import GRANTS, Grant
from domain.keys.decider import KEY
from domain.keys.events import KeyEvent
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.state import Existing
from domain.organization_status import OrganizationStatus
from domain.secret import digest
from domain.usage.decision import UNKNOWN_KEY, AccessRequest, McpFacts, decide, decisive_fields, mcp_denial
from domain.usage.events import Code
from tests.domain.sample import (
    CREATED,
    DISABLED,
    EXPIRED,
    KEY_ID,
    LIVE_MCP,
    LIVE_MCP_2,
    MCPS,
    ORGANIZATION_ID,
    OTHER_ORGANIZATION_ID,
    RETIRED,
    REVOKED,
    ROTATED,
    TEST_MCP,
    a_secret,
    at,
)

FIRST, SECOND = digest(a_secret(1)), digest(a_secret(2))
OVERLAPPING = replace(ROTATED, previous_valid_until=at(100))
EXPIRING = replace(CREATED, expires_at=at(100))


def fold(*events: KeyEvent) -> Existing:
    state = KEY.fold(events)
    assert state is not None
    return state


def facts(mcp_id: str, organization_id: str = ORGANIZATION_ID) -> McpFacts:
    return McpFacts(mcp_id, organization_id, MCPS[mcp_id])


def code_of(
    state: Existing | None,
    secret: bytes = FIRST,
    *,
    mcp: McpFacts | None = None,
    tool: str | None = None,
    ip: str | None = None,
    seconds: float = 70,
) -> Code:
    presented = AccessRequest(digest=secret, action="call", mcp_id=mcp.id if mcp else None, tool=tool, ip=ip)
    return decide(presented, state, mcp, at(seconds)).code


@pytest.mark.parametrize(
    ("events", "deleted", "erased"),
    [
        ([CREATED], "disabled_key", "revoked_key"),
        ([CREATED, DISABLED], "disabled_key", "disabled_key"),
        ([CREATED, REVOKED], "revoked_key", "revoked_key"),
        ([CREATED, EXPIRED], "expired_key", "expired_key"),
    ],
)
def test_keys_of_a_deleted_organization_are_refused_as_disabled_and_after_the_erasure_as_revoked(
    events: list[KeyEvent], deleted: Code, erased: Code
) -> None:
    presented = AccessRequest(digest=FIRST, action="call", mcp_id=LIVE_MCP, grant="keys:read", ip="10.0.0.1")
    codes: dict[OrganizationStatus, Code] = {"deleted": deleted, "erased": erased}
    for status, code in codes.items():
        decision = decide(presented, fold(*events), facts(LIVE_MCP), at(70), organization=status)
        assert (decision.code, decision.key is not None) == (code, True)


def test_a_key_of_a_deleted_organization_is_unknown_to_other_organizations() -> None:
    presented = AccessRequest(digest=FIRST, action="check", organization_id=OTHER_ORGANIZATION_ID)
    assert decide(presented, fold(CREATED), None, at(70), organization="deleted") == UNKNOWN_KEY


@pytest.mark.parametrize(
    ("events", "code"),
    [
        ([CREATED], "valid"),
        ([CREATED, DISABLED], "disabled_key"),
        ([CREATED, REVOKED], "revoked_key"),
        ([CREATED, DISABLED, REVOKED], "revoked_key"),
        ([CREATED, EXPIRED], "expired_key"),
        ([CREATED, EXPIRED, REVOKED], "revoked_key"),
    ],
)
def test_the_state_of_the_key_is_checked_first(events: list[KeyEvent], code: Code) -> None:
    assert code_of(fold(*events)) == code
    assert code_of(fold(*events), mcp=facts(LIVE_MCP), tool="get_user", ip="10.0.0.1") == code


@pytest.mark.parametrize(
    ("secret", "seconds", "code"),
    [
        (FIRST, 99.999999, "valid"),
        (FIRST, 100, "revoked_key"),
        (FIRST, 101, "revoked_key"),
        (SECOND, 99.999999, "valid"),
        (SECOND, 100, "valid"),
    ],
)
def test_a_rotated_secret_ends_exactly_at_the_end_of_its_overlap(secret: bytes, seconds: float, code: Code) -> None:
    assert code_of(fold(CREATED, OVERLAPPING), secret, seconds=seconds) == code


def test_a_retired_secret_is_refused_at_any_time() -> None:
    state = fold(CREATED, OVERLAPPING, replace(RETIRED, retired_at=at(100)))
    assert code_of(state, FIRST, seconds=0) == "revoked_key"
    assert code_of(state, SECOND, seconds=0) == "valid"


@pytest.mark.parametrize(
    ("end", "code"), [(DISABLED, "revoked_key"), (REVOKED, "revoked_key"), (EXPIRED, "expired_key")]
)
def test_an_ended_secret_stays_ended_in_every_state(end: KeyEvent, code: Code) -> None:
    assert code_of(fold(CREATED, ROTATED, RETIRED, end), FIRST) == code


def test_an_unknown_secret_of_a_key_is_refused_as_revoked() -> None:
    assert code_of(fold(CREATED), sha256(b"other").digest()) == "revoked_key"


@pytest.mark.parametrize("events", [[EXPIRING], [EXPIRING, DISABLED]])
def test_a_key_is_refused_from_its_expiry_even_before_the_event(events: list[KeyEvent]) -> None:
    before = "valid" if events == [EXPIRING] else "disabled_key"
    assert code_of(fold(*events), seconds=99.999999) == before
    assert code_of(fold(*events), seconds=100) == "expired_key"
    assert code_of(fold(*events), seconds=10**9) == "expired_key"


def test_an_ended_secret_of_an_expired_key_is_refused_as_expired() -> None:
    assert code_of(fold(EXPIRING, ROTATED, RETIRED), FIRST, seconds=100) == "expired_key"


def test_a_secret_without_a_key_is_unknown() -> None:
    assert decide(AccessRequest(FIRST, "verify"), None, None, at(0)) == UNKNOWN_KEY
    assert not UNKNOWN_KEY.accepted
    assert UNKNOWN_KEY.key is None


def test_a_key_of_another_organization_is_unknown_in_every_state() -> None:
    for events in ([CREATED], [CREATED, DISABLED], [CREATED, REVOKED], [CREATED, EXPIRED]):
        presented = AccessRequest(FIRST, "verify", organization_id=OTHER_ORGANIZATION_ID)
        assert decide(presented, fold(*events), None, at(70)) == UNKNOWN_KEY
    same_organization = AccessRequest(FIRST, "verify", organization_id=ORGANIZATION_ID)
    assert decide(same_organization, fold(CREATED), None, at(70)).accepted


def test_a_decision_names_the_key_and_the_secret_version() -> None:
    state = fold(CREATED, OVERLAPPING)
    for secret, version in ((FIRST, 1), (SECOND, 2)):
        decision = decide(AccessRequest(secret, "verify"), state, None, at(70))
        assert decision.accepted
        assert decision.key is not None
        assert (decision.key.id, decision.key.revision, decision.secret_version) == (KEY_ID, 2, version)
    denied = decide(AccessRequest(FIRST, "verify"), fold(CREATED, REVOKED), None, at(70))
    assert not denied.accepted
    assert denied.key is not None
    assert denied.secret_version == 1
    forgotten = decide(AccessRequest(bytes(32), "verify"), state, None, at(70))
    assert forgotten.secret_version is None


@pytest.mark.parametrize(
    ("ip", "code"),
    [
        ("10.1.2.3", "valid"),
        ("::ffff:10.1.2.3", "valid"),
        ("2001:db8::1", "valid"),
        ("11.0.0.1", "ip_not_permitted"),
        ("2001:db9::1", "ip_not_permitted"),
        ("unknown", "ip_not_permitted"),
        (None, "ip_not_permitted"),
    ],
)
def test_the_address_list_is_checked_before_the_mcp(ip: str | None, code: Code) -> None:
    listed = fold(replace(CREATED, allowed_ips=("10.0.0.0/8", "2001:db8::/32")))
    assert code_of(listed, ip=ip) == code
    other = facts(LIVE_MCP, OTHER_ORGANIZATION_ID)
    assert code_of(listed, ip=ip, mcp=other) == ("not_found" if code == "valid" else code)


@pytest.mark.parametrize("wanted", GRANTS)
def test_a_key_needs_the_required_grant(wanted: Grant) -> None:
    presented = AccessRequest(FIRST, "manage", grant=wanted)
    without: tuple[Grant, ...] = tuple(known for known in GRANTS if known != wanted)
    table: list[tuple[tuple[Grant, ...], Code]] = [
        ((wanted,), "valid"),
        (without, "forbidden"),
        ((), "forbidden"),
        (GRANTS, "valid"),
    ]
    for manage, code in table:
        state = fold(replace(CREATED, permissions=Permissions(mcps="*", manage=manage)))
        assert decide(presented, state, None, at(70)).code == code


@pytest.mark.parametrize("wanted", [None, *GRANTS])
def test_an_action_for_people_only_is_forbidden_to_every_key(wanted: Grant | None) -> None:
    presented = AccessRequest(FIRST, "manage", grant=wanted, people_only=True)
    able = replace(CREATED, permissions=Permissions(mcps="*", manage=GRANTS))
    assert decide(presented, fold(able), None, at(70)).code == "forbidden"
    assert decide(presented, fold(able, REVOKED), None, at(70)).code == "revoked_key"


ALL = Permissions(mcps="*")
LISTED = Permissions(mcps=(LIVE_MCP, TEST_MCP))
NONE = Permissions()


@pytest.mark.parametrize(
    ("environment", "permissions", "mcp", "code"),
    [
        ("live", ALL, facts(LIVE_MCP), "valid"),
        ("live", ALL, facts(TEST_MCP), "environment_mismatch"),
        ("test", ALL, facts(TEST_MCP), "valid"),
        ("test", ALL, facts(LIVE_MCP), "environment_mismatch"),
        ("live", LISTED, facts(LIVE_MCP), "valid"),
        ("live", LISTED, facts(TEST_MCP), "valid"),
        ("test", LISTED, facts(LIVE_MCP), "valid"),
        ("live", LISTED, facts(LIVE_MCP_2), "mcp_not_permitted"),
        ("test", LISTED, facts(LIVE_MCP_2), "mcp_not_permitted"),
        ("live", NONE, facts(LIVE_MCP), "mcp_not_permitted"),
        ("live", ALL, facts(LIVE_MCP, OTHER_ORGANIZATION_ID), "not_found"),
        ("live", LISTED, facts(LIVE_MCP, OTHER_ORGANIZATION_ID), "not_found"),
        ("live", NONE, facts(LIVE_MCP, OTHER_ORGANIZATION_ID), "not_found"),
    ],
)
def test_a_key_reaches_mcps_of_its_environment_or_listed_ones(
    environment: Environment, permissions: Permissions, mcp: McpFacts, code: Code
) -> None:
    assert code_of(fold(replace(CREATED, environment=environment, permissions=permissions)), mcp=mcp) == code


@pytest.mark.parametrize("permissions", [ALL, LISTED, NONE])
def test_a_missing_mcp_is_not_found(permissions: Permissions) -> None:
    presented = AccessRequest(FIRST, "call", mcp_id=LIVE_MCP, tool="get_user")
    assert decide(presented, fold(replace(CREATED, permissions=permissions)), None, at(70)).code == "not_found"


@pytest.mark.parametrize("permissions", [ALL, LISTED, NONE])
def test_a_reverse_proxy_gets_403_for_a_missing_mcp(permissions: Permissions) -> None:
    presented = AccessRequest(FIRST, "check", mcp_id=LIVE_MCP)
    assert decide(presented, fold(replace(CREATED, permissions=permissions)), None, at(70)).code == "mcp_not_permitted"


WITH_TOOL_RULE = Permissions(mcps="*", tools={LIVE_MCP: ToolRule(allow=("get_*",), deny=("get_secret",))})


@pytest.mark.parametrize(
    ("mcp_id", "tool", "code"),
    [
        (LIVE_MCP, "get_user", "valid"),
        (LIVE_MCP, "get_secret", "tool_not_permitted"),
        (LIVE_MCP, "list", "tool_not_permitted"),
        (LIVE_MCP, "", "tool_not_permitted"),
        (LIVE_MCP, None, "valid"),
        (LIVE_MCP_2, "list", "valid"),
        (LIVE_MCP_2, "x" * 1_000_000, "tool_not_permitted"),
        (None, "get_user", "valid"),
        (None, "list", "tool_not_permitted"),
        (None, None, "valid"),
    ],
)
def test_the_tool_rule_of_the_mcp_applies(mcp_id: str | None, tool: str | None, code: Code) -> None:
    mcp = facts(mcp_id) if mcp_id else None
    assert code_of(fold(replace(CREATED, permissions=WITH_TOOL_RULE)), mcp=mcp, tool=tool) == code


def test_only_a_key_that_passes_every_check_is_accepted() -> None:
    """Cover the whole table: each check alone refuses, and the first failed check determines the code."""
    states: list[tuple[list[KeyEvent], Code | None]] = [
        ([], None),
        ([DISABLED], "disabled_key"),
        ([REVOKED], "revoked_key"),
        ([EXPIRED], "expired_key"),
    ]
    secrets = [(FIRST, None), (bytes(32), "revoked_key")]
    addresses = [("10.0.0.1", None), ("11.0.0.1", "ip_not_permitted")]
    grants: list[tuple[Grant, Code | None]] = [("keys:read", None), ("audit:read", "forbidden")]
    mcps = [
        (LIVE_MCP, facts(LIVE_MCP), None),
        (LIVE_MCP, None, "not_found"),
        (LIVE_MCP, facts(LIVE_MCP, OTHER_ORGANIZATION_ID), "not_found"),
        (LIVE_MCP_2, facts(LIVE_MCP_2), "mcp_not_permitted"),
    ]
    tools = [("get_user", None), ("list", "tool_not_permitted")]
    permissions = Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(allow=("get_*",))}, manage=("keys:read",))
    created = replace(CREATED, permissions=permissions, allowed_ips=("10.0.0.0/8",))
    for (events, in_state), (secret, by_secret), (ip, by_ip), (grant, by_grant), (mcp_id, mcp, by_mcp), (
        tool,
        by_tool,
    ) in product(states, secrets, addresses, grants, mcps, tools):
        presented = AccessRequest(
            secret,
            "call",
            mcp_id=mcp_id,
            tool=tool,
            ip=ip,
            grant=grant,
        )
        ended = in_state if in_state in {"revoked_key", "expired_key"} else None
        expected = ended or by_secret or in_state or by_ip or by_grant or by_mcp or by_tool or "valid"
        assert decide(presented, fold(created, *events), mcp, at(70)).code == expected


@given(st.binary(min_size=32, max_size=32))
def test_no_other_digest_is_accepted(other: bytes) -> None:
    assert code_of(fold(CREATED, OVERLAPPING), other) == ("valid" if other in {FIRST, SECOND} else "revoked_key")


@pytest.mark.parametrize("mcp_id", [LIVE_MCP, LIVE_MCP_2, TEST_MCP])
@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("mcps", ["*", (), (LIVE_MCP,), (TEST_MCP,)])
def test_the_reach_of_a_key_is_listed_as_it_is_decided(mcp_id: str, active: bool, mcps: tuple[str, ...]) -> None:  # noqa: FBT001
    state = fold(replace(CREATED, permissions=Permissions(mcps=mcps)))
    mcp = McpFacts(mcp_id, ORGANIZATION_ID, MCPS[mcp_id], active)
    assert (mcp_denial(state.key, mcp) or "valid") == code_of(state, mcp=mcp)


ONLY_RECORDED = {"user_agent": "Agent/1", "request_id": "req_1"}
AFTER_THE_DECISION = {"invalid": True, "is_foreign": True, "other_digest": SECOND}
"""Fields that apply before or after `decide`: an invalid request is a limit, and two secrets are compared before."""

DECISIVE: dict[str, list[object]] = {
    "digest": [FIRST, SECOND],
    "action": ["call", "check"],
    "organization_id": [None, ORGANIZATION_ID, OTHER_ORGANIZATION_ID],
    "mcp_id": [None, LIVE_MCP, TEST_MCP],
    "tool": [None, "get_user", "delete_user"],
    "grant": [None, "keys:read"],
    "people_only": [False, True],
    "ip": [None, "10.0.0.1", "192.0.2.1"],
}
"""Some values of each field that `decide` reads. A value decides about some request and not about another."""


def requests() -> list[AccessRequest]:
    return [
        AccessRequest(**dict(zip(DECISIVE, values, strict=True)))  # pyright: ignore[reportArgumentType]
        for values in product(*DECISIVE.values())
    ]


def test_every_field_of_a_request_either_decides_or_does_not() -> None:
    assert set(AccessRequest.__struct_fields__) == {*DECISIVE, *ONLY_RECORDED, *AFTER_THE_DECISION}


def test_requests_differ_in_their_decisive_fields_exactly_if_one_of_these_differs() -> None:
    request = AccessRequest(FIRST, "call")
    for field, value in {**ONLY_RECORDED, **AFTER_THE_DECISION}.items():
        assert decisive_fields(replace(request, **{field: value})) == decisive_fields(request), field
    assert len({decisive_fields(each) for each in requests()}) == len(requests())


LIMITED = replace(
    CREATED,
    allowed_ips=("10.0.0.0/8",),
    permissions=Permissions(mcps=(LIVE_MCP,), tools={LIVE_MCP: ToolRule(("get_user",))}, manage=("keys:read",)),
)


@pytest.mark.parametrize("state", [fold(CREATED), fold(CREATED, ROTATED), fold(CREATED, DISABLED), fold(LIMITED)])
def test_a_decision_does_not_depend_on_any_other_field(state: Existing) -> None:
    for request in requests():
        mcp = None if request.mcp_id is None else facts(request.mcp_id)
        other = replace(request, **ONLY_RECORDED, **AFTER_THE_DECISION)
        assert decide(other, state, mcp, at(70)) == decide(request, state, mcp, at(70))


@pytest.mark.parametrize("field", DECISIVE)
def test_a_decision_depends_on_every_decisive_field(field: str) -> None:
    """For some request and some key. A field that never decides would only make equal requests different."""
    keys = [fold(CREATED), fold(CREATED, ROTATED), fold(LIMITED)]

    def codes(value: object) -> list[Code]:
        changed = [replace(request, **{field: value}) for request in requests()]
        return [
            decide(each, key, None if each.mcp_id is None else facts(each.mcp_id, each_owner), at(70)).code
            for each in changed
            for key in keys
            for each_owner in (ORGANIZATION_ID, OTHER_ORGANIZATION_ID)
        ]

    first, *others = [codes(value) for value in DECISIVE[field]]
    assert any(first != other for other in others)
