import fnmatch
import re
import time
from itertools import permutations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from domain.fields import CONTAINS_API_KEY
from domain.grants import GRANTS, Grant
from domain.keys.decider import KEY
from domain.keys.events import KeyPermissionsChanged
from domain.keys.fields import MCPS_MAX, TOOL_PATTERNS_TOTAL_MAX
from domain.keys.permissions import (
    TOOL_NAME_LENGTH_MAX,
    TOOL_PATTERN_LENGTH_MAX,
    TOOL_PATTERNS_MAX,
    Permissions,
    ToolRule,
)
from domain.refusal import Invalid
from tests import given as spec
from tests.domain.sample import CHANGE, CREATE, CREATED, LIVE_MCP, LIVE_MCP_2, TEST_MCP, UNKNOWN_MCP, a_secret, an_id

TOOLS = ["get_user", "get_team", "get_", "delete_user", "list", "a", "b", "ab", "aab", "[a]", "*", "?", "ä"]
PATTERNS = ["*", "get_*", "*_user", "get_user", "delete_*", "?", "[a]", "[!a]", "[]a]", "a*b", "**", "ab", "list", "["]
names = st.sampled_from(TOOLS) | st.text("ab_*[]!", max_size=5)
patterns = st.sampled_from(PATTERNS) | st.text("ab*?[]!-", min_size=1, max_size=6)
rules = st.builds(
    ToolRule,
    allow=st.none() | st.lists(patterns, max_size=3).map(tuple),
    deny=st.lists(patterns, max_size=2).map(tuple),
)
mcps = st.sampled_from([LIVE_MCP, LIVE_MCP_2, TEST_MCP])
mcp_lists = st.just("*") | st.lists(mcps, unique=True).map(tuple)
grants = st.lists(st.sampled_from(GRANTS[:4]), unique=True).map(tuple)
permissions = st.builds(
    Permissions, mcps=mcp_lists, tools=st.dictionaries(mcps | st.just(UNKNOWN_MCP), rules, max_size=3), manage=grants
)


@pytest.mark.parametrize(
    ("rule", "permitted", "assert_refused"),
    [
        (ToolRule(), ["a", "anything"], []),
        (ToolRule(allow=()), [], ["a", ""]),
        (ToolRule(allow=("get_*",)), ["get_", "get_user"], ["Get_user", "list", "xget_user"]),
        (ToolRule(deny=("delete_*",)), ["get_user"], ["delete_user"]),
        (ToolRule(allow=("*_user",), deny=("delete_*",)), ["get_user"], ["delete_user", "get_team"]),
        (ToolRule(allow=("get_user",), deny=("get_user",)), [], ["get_user"]),
        (ToolRule(allow=("a?",)), ["ab", "a\n"], ["a", "abc"]),
        (ToolRule(allow=("get_user",)), ["get_user"], ["get_user\n", "get_users"]),
        (ToolRule(allow=("[ab]",)), ["a", "b"], ["c", "[ab]"]),
    ],
)
def test_deny_takes_precedence_and_a_missing_allow_permits_all(
    rule: ToolRule, permitted: list[str], assert_refused: list[str]
) -> None:
    assert all(map(rule.permits, permitted))
    assert not any(map(rule.permits, assert_refused))


@pytest.mark.parametrize(
    ("rule", "tool", "pattern"),
    [
        (ToolRule(), "get_user", None),
        (ToolRule(allow=("list", "get_*")), "get_user", "get_*"),
        (ToolRule(allow=("get_*",), deny=("*_user",)), "get_user", "*_user"),
        (ToolRule(allow=("get_*",), deny=("*_user",)), "list", None),
    ],
)
def test_the_pattern_that_decides_on_a_tool_is_named(rule: ToolRule, tool: str, pattern: str | None) -> None:
    assert rule.pattern_of(tool) == pattern


@given(rules, rules, st.lists(names, min_size=1))
def test_a_rule_within_another_permits_no_more_than_it(rule: ToolRule, bound: ToolRule, tools: list[str]) -> None:
    assume(rule.within(bound))
    assert all(bound.permits(tool) for tool in tools if rule.permits(tool))


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        (ToolRule(), ToolRule()),
        (ToolRule(allow=()), ToolRule(allow=())),
        (ToolRule(allow=("get_*",)), ToolRule()),
        (ToolRule(allow=("get_*",)), ToolRule(allow=("get_*", "list"))),
        (ToolRule(allow=("get_user",)), ToolRule(allow=("get_*",))),
        (ToolRule(deny=("a", "b")), ToolRule(deny=("a",))),
    ],
)
def test_a_provable_narrowing_is_within(rule: ToolRule, bound: ToolRule) -> None:
    assert rule.within(bound)


@pytest.mark.parametrize(
    ("rule", "bound"),
    [
        (ToolRule(), ToolRule(allow=("*",))),
        (ToolRule(), ToolRule(deny=("a",))),
        (ToolRule(allow=("get_*",)), ToolRule(allow=("get_user",))),
        (ToolRule(allow=("get_user", "list")), ToolRule(allow=("get_*",))),
        (ToolRule(allow=("[!a]*",)), ToolRule(allow=("[!a]?",))),
        (ToolRule(deny=("get_*",)), ToolRule(deny=("get_user",))),
        # Read as names, these patterns match the bound; the names that they stand for do not.
        (ToolRule(allow=("get_*",)), ToolRule(allow=("get_?",))),
        (ToolRule(allow=("[ab]",)), ToolRule(allow=("?ab?",))),
        (ToolRule(allow=("?",)), ToolRule(allow=("?" * 2,))),
    ],
)
def test_a_narrowing_that_cannot_be_proved_is_not_within(rule: ToolRule, bound: ToolRule) -> None:
    assert not rule.within(bound)


def reachable(holder: Permissions, tools: list[str]) -> set[tuple[str, str]]:
    every = [LIVE_MCP, LIVE_MCP_2, TEST_MCP, UNKNOWN_MCP]
    return {(m, t) for m in every for t in tools if holder.permits_mcp(m) and holder.permits_tool(m, t)}


@given(permissions, permissions, st.lists(names, min_size=1))
def test_permissions_within_others_grant_no_more_than_they_do(
    holder: Permissions, bound: Permissions, tools: list[str]
) -> None:
    if holder.calls_within(bound):
        assert reachable(holder, tools) <= reachable(bound, tools)
        assert holder.within(bound) == (set(holder.manage) <= set(bound.manage))
    else:
        assert not holder.within(bound)


@given(permissions)
def test_permissions_are_within_themselves_and_within_everything(holder: Permissions) -> None:
    assert holder.within(holder)
    assert holder.within(Permissions(mcps="*", manage=GRANTS))
    assert Permissions().within(holder)


@given(st.lists(permissions, min_size=3, max_size=6))
def test_within_is_transitive(several: list[Permissions]) -> None:
    """Try every order of three, since few orders have one within the next."""
    for low, middle, high in permutations(several, 3):
        assert low.within(high) or not (low.within(middle) and middle.within(high))


def test_a_list_is_within_all_but_all_is_not_within_a_list() -> None:
    assert Permissions(mcps=(LIVE_MCP,)).within(Permissions(mcps="*"))
    assert not Permissions(mcps="*").within(Permissions(mcps=(LIVE_MCP,)))
    assert not Permissions(mcps=(LIVE_MCP, LIVE_MCP_2)).within(Permissions(mcps=(LIVE_MCP,)))


def test_tool_rules_of_the_bound_apply_to_every_reachable_mcp() -> None:
    bound = Permissions(mcps="*", tools={LIVE_MCP: ToolRule(allow=("get_*",))})
    assert not Permissions(mcps=(LIVE_MCP,)).within(bound)
    assert Permissions(mcps=(LIVE_MCP_2,)).within(bound)
    assert Permissions(mcps="*", tools=bound.tools).within(bound)


def test_names_is_true_only_for_a_listed_mcp() -> None:
    assert Permissions(mcps=(LIVE_MCP,)).names(LIVE_MCP)
    assert not Permissions(mcps=(LIVE_MCP,)).names(LIVE_MCP_2)
    assert not Permissions(mcps="*").names(LIVE_MCP)
    assert Permissions(mcps="*").permits_mcp(LIVE_MCP)
    assert not Permissions().permits_mcp(LIVE_MCP)


def test_an_overlong_tool_name_is_not_permitted() -> None:
    for holder in (Permissions(mcps="*"), Permissions(mcps="*", tools={LIVE_MCP: ToolRule(allow=("*",))})):
        assert holder.permits_tool(LIVE_MCP, "x" * TOOL_NAME_LENGTH_MAX)
        assert not holder.permits_tool(LIVE_MCP, "x" * (TOOL_NAME_LENGTH_MAX + 1))
        assert holder.permits_tool_anywhere("x" * TOOL_NAME_LENGTH_MAX)
        assert not holder.permits_tool_anywhere("x" * (TOOL_NAME_LENGTH_MAX + 1))


@given(permissions, names)
def test_a_tool_permitted_anywhere_is_permitted_on_every_reachable_mcp(holder: Permissions, tool: str) -> None:
    every = [m for m in (LIVE_MCP, LIVE_MCP_2, TEST_MCP, UNKNOWN_MCP) if holder.permits_mcp(m)]
    assert holder.permits_tool_anywhere(tool) == all(holder.permits_tool(m, tool) for m in every)


@given(st.text(min_size=1, max_size=TOOL_PATTERN_LENGTH_MAX), st.text(max_size=20))
def test_no_pattern_raises_in_the_matcher(pattern: str, tool: str) -> None:
    assert ToolRule(allow=(pattern,)).permits(tool) in {True, False}


@pytest.mark.parametrize(
    "pattern",
    ["*a" * 64, "*" * 128, "*" + "a" * 126 + "b", "*[!b]" * 25, "*?" * 64, "*[a-z]" * 21, "*" + "?" * 126 + "b"],
)
def test_no_pattern_of_permitted_length_is_slow(pattern: str) -> None:
    assert len(pattern) <= TOOL_PATTERN_LENGTH_MAX
    rule = ToolRule(allow=(pattern,))
    rule.permits("a")
    started = time.thread_time()
    for _ in range(100):
        rule.permits("a" * TOOL_NAME_LENGTH_MAX)
    assert (time.thread_time() - started) / 100 < 0.005


def assert_refused(wanted: Permissions, **details: str) -> None:
    spec.given(KEY).when(replace(CREATE, permissions=wanted)).then_refused(Invalid, **details)
    spec.given(KEY, CREATED).when(replace(CHANGE, permissions=wanted)).then_refused(Invalid, **details)


def assert_accepted(wanted: Permissions) -> None:
    spec.given(KEY).when(replace(CREATE, permissions=wanted)).then(replace(CREATED, permissions=wanted))
    spec.given(KEY, CREATED).when(replace(CHANGE, permissions=wanted)).then(
        KeyPermissionsChanged(permissions=wanted, rate_limit=None, allowed_ips=())
    )


def test_mcps_grants_and_tools_are_accepted() -> None:
    assert_accepted(
        Permissions(mcps=(LIVE_MCP, TEST_MCP), tools={LIVE_MCP: ToolRule(("get_*",), ("x",))}, manage=GRANTS)
    )


def test_an_unknown_mcp_is_refused() -> None:
    assert_refused(
        Permissions(mcps=(LIVE_MCP, UNKNOWN_MCP)),
        **{"permissions.mcps": f"No such MCP in this organization: {UNKNOWN_MCP}"},
    )
    assert_refused(
        Permissions(tools={UNKNOWN_MCP: ToolRule()}),
        **{f"permissions.tools.{UNKNOWN_MCP}": "No such MCP in this organization"},
    )


def test_a_refusal_names_only_a_few_unknown_mcps() -> None:
    long = ["x" * 1000, *(an_id("mcp", n) for n in range(10, 100))]
    outcome = spec.given(KEY).when(replace(CREATE, permissions=Permissions(mcps=tuple(long))))
    assert outcome.refusal is not None
    assert len(str(outcome.refusal.details["permissions.mcps"])) == 300


@pytest.mark.parametrize("twice", [("keys:read", "keys:read"), ("keys:read", "mcps:read", "keys:read")])
def test_a_duplicate_grant_is_refused(twice: tuple[Grant, ...]) -> None:
    assert_refused(Permissions(manage=twice), **{"permissions.manage": "Must not name a grant twice"})


def test_a_duplicate_mcp_is_refused() -> None:
    assert_refused(Permissions(mcps=(LIVE_MCP, LIVE_MCP)), **{"permissions.mcps": "Must not name an MCP twice"})


def test_lists_are_limited_in_length() -> None:
    assert_refused(
        Permissions(mcps=(LIVE_MCP,) * (MCPS_MAX + 1)), **{"permissions.mcps": f"Must have at most {MCPS_MAX} entries"}
    )
    assert_refused(
        Permissions(tools={str(n): ToolRule() for n in range(MCPS_MAX + 1)}),
        **{"permissions.tools": f"Must have at most {MCPS_MAX} entries"},
    )
    many = ("x",) * TOOL_PATTERNS_MAX
    assert_accepted(Permissions(tools={LIVE_MCP: ToolRule(many[1:], ("y",))}))
    assert_refused(
        Permissions(tools={LIVE_MCP: ToolRule(many, ("y",))}),
        **{f"permissions.tools.{LIVE_MCP}": f"Must have at most {TOOL_PATTERNS_MAX} patterns"},
    )
    assert_refused(
        Permissions(tools={LIVE_MCP: ToolRule(("x",) * TOOL_PATTERNS_TOTAL_MAX), TEST_MCP: ToolRule(("x",))}),
        **{"permissions.tools": f"Must have at most {TOOL_PATTERNS_TOTAL_MAX} patterns in all"},
    )


@pytest.mark.parametrize("pattern", ["", "x" * (TOOL_PATTERN_LENGTH_MAX + 1), "a\n", "\0", "\x7f", "\u202e", "\ud800"])
def test_an_unprintable_or_overlong_pattern_is_refused(pattern: str) -> None:
    message = {f"permissions.tools.{LIVE_MCP}": "A pattern has 1 to 128 printable characters"}
    assert_refused(Permissions(tools={LIVE_MCP: ToolRule(allow=(pattern,))}), **message)
    assert_refused(Permissions(tools={LIVE_MCP: ToolRule(deny=(pattern,))}), **message)


@settings(max_examples=300)
@given(patterns, names)
def test_patterns_match_like_case_sensitive_shell_globs(pattern: str, tool: str) -> None:
    assert ToolRule(allow=(pattern,)).permits(tool) == bool(re.match(fnmatch.translate(pattern), tool))


@pytest.mark.parametrize(
    "rule", [ToolRule(allow=("get_*", a_secret().reveal())), ToolRule(deny=(a_secret().reveal(),))]
)
def test_a_pattern_that_contains_a_secret_is_refused(rule: ToolRule) -> None:
    assert_refused(Permissions(mcps="*", tools={LIVE_MCP: rule}), **{f"permissions.tools.{LIVE_MCP}": CONTAINS_API_KEY})
