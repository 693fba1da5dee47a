"""Ten thousand random uses: the explanation of each leads to what was recorded, by the rule that decided.

Keys have random histories of commands. A use is decided by `decide` and the limits, and recorded like the service does.
It is explained only from the record and from the events of the key up to the recorded revision.
"""

import random
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from itertools import cycle
from typing import NamedTuple, get_args

import pytest
from msgspec.structs import replace

from domain.environment import Environment
from domain.grants import GRANTS
from domain.keys.commands import (
    CreateKey,
    DisableKey,
    EnableKey,
    EndEarlierSecrets,
    ExpireKey,
    KeyCommand,
    RetireSecrets,
)
from domain.keys.decider import KEY
from domain.keys.events import KeyEvent
from domain.keys.permissions import Permissions, ToolRule
from domain.keys.state import Existing
from domain.organization_status import OrganizationStatus
from domain.refusal import Refusal
from domain.secret import SecretRecord
from domain.usage.decision import LIMITS, RULES, AccessRequest, McpFacts, Question, RuleName, ask, decide
from domain.usage.events import Action, Code, Denial, KeyUsed
from domain.usage.explanation import ORDER, Explanation, explain, question_of
from tests.domain.sample import (
    CHANGE,
    CREATE,
    LIVE_MCP,
    LIVE_MCP_2,
    MCPS,
    ORGANIZATION_ID,
    OTHER_ORGANIZATION_ID,
    REVOKE,
    ROTATE,
    TEST_MCP,
    UNKNOWN_MCP,
    a_record,
    at,
)
from tests.random_input import random_seed

HISTORIES = 250
COMMANDS = 8
USES_AFTER_EACH = 5

ADDRESSES = ("10.0.0.1", "192.0.2.7", "2001:db8::1", None)
NETWORKS = ("10.0.0.0/8", "2001:db8::/32", "192.0.2.7")
PATTERNS = ("*", "get_*", "get_user", "[!l]*")
TOOLS = ("get_user", "list", None)

NOT_RECORDED: frozenset[Code] = frozenset(["forbidden", *[limit.code for limit in LIMITS]])
"""Denials whose cause is not in the log, so that a record with one of these codes cannot be refuted."""


class Decided(NamedTuple):
    """A use, what decided it, and the events of the key until then.

    `question` is None for a secret of no key, and `rule` for an accepted use.
    """

    used: KeyUsed
    question: Question | None
    rule: RuleName | None
    events: Sequence[KeyEvent]


def _permissions(dice: random.Random) -> Permissions:
    rules = {
        mcp_id: ToolRule(
            allow=None if dice.random() < 0.3 else tuple(dice.sample(PATTERNS, dice.randrange(3))),
            deny=tuple(dice.sample(PATTERNS[1:], dice.randrange(2))),
        )
        for mcp_id in dice.sample((LIVE_MCP, TEST_MCP), dice.randrange(3))
    }
    mcps = "*" if dice.random() < 0.5 else tuple(dice.sample(sorted(MCPS), dice.randrange(4)))
    return Permissions(mcps=mcps, tools=rules, manage=tuple(dice.sample(GRANTS, dice.randrange(4))))


def _networks(dice: random.Random) -> tuple[str, ...]:
    return tuple(dice.sample(NETWORKS, dice.choice((0, 0, 1, 2))))


def _creation(dice: random.Random) -> CreateKey:
    environment: Environment = dice.choice(("live", "test"))
    return replace(
        CREATE,
        environment=environment,
        permissions=_permissions(dice),
        allowed_ips=_networks(dice),
        expires_at=at(dice.randrange(100, 900)) if dice.random() < 0.2 else None,
    )


def _secret(number: int) -> SecretRecord:
    return replace(a_record(), digest=sha256(b"secret %d" % number).hexdigest())


def _command(dice: random.Random, now: datetime, number: int) -> KeyCommand:
    """Return a random command, most often one after which the key still works."""
    overlap = dice.choice((0, 50, 86_400, None))
    rotation = replace(ROTATE, secret=_secret(number), at=now, overlap_seconds=overlap)
    change = replace(CHANGE, at=now, permissions=_permissions(dice))
    enabling = EnableKey(now, CHANGE.authority, MCPS)
    ends = (replace(REVOKE, at=now), ExpireKey(now))
    pauses = (
        DisableKey(now),
        RetireSecrets(now),
        EndEarlierSecrets(now),
        replace(CHANGE, at=now, allowed_ips=_networks(dice)),
    )
    return dice.choice((*ends, *pauses, *[rotation, change, enabling] * 3))


def _mcp(dice: random.Random, mcp_id: str | None) -> McpFacts | None:
    """Return what the service knows of a server: nothing of one that does not exist, or not in this organization."""
    if mcp_id is None or mcp_id not in MCPS or dice.random() < 0.05:
        return None
    return McpFacts(mcp_id, ORGANIZATION_ID, MCPS[mcp_id], active=dice.random() < 0.85)


def _presented(dice: random.Random, state: Existing) -> AccessRequest:
    action: Action = dice.choice(get_args(Action))
    known = [bytes.fromhex(secret.digest) for secret in state.key.secrets]
    manages = action == "manage"
    return AccessRequest(
        digest=dice.choice([*known[-1:] * 6, *known, bytes(32)]),
        action=action,
        organization_id=dice.choice((ORGANIZATION_ID,) * 8 + (OTHER_ORGANIZATION_ID,)) if action == "check" else None,
        mcp_id=None if manages else dice.choice((None, LIVE_MCP, LIVE_MCP, LIVE_MCP_2, TEST_MCP, UNKNOWN_MCP)),
        tool=None if manages else dice.choice(TOOLS),
        grant=dice.choice(GRANTS) if manages else None,
        people_only=manages and dice.random() < 0.1,
        invalid=dice.random() < 0.05,
        ip=dice.choice(ADDRESSES),
    )


def _limited(dice: random.Random, presented: AccessRequest) -> tuple[RuleName | None, Code]:
    """Return the limit that denies an accepted key, and the code."""
    exceeded = {"quota_exceeded": dice.random() < 0.1, "rate_limited": dice.random() < 0.1}
    exceeded["invalid_request"] = presented.invalid
    for limit in LIMITS:
        if exceeded[limit.code]:
            return limit.name, limit.code
    return None, "valid"


def _use(dice: random.Random, events: Sequence[KeyEvent], now: datetime) -> Decided:
    """Decide one use of the key with these events, and record it as the service does."""
    state = KEY.fold(events)
    assert state is not None
    presented = _presented(dice, state)
    mcp = _mcp(dice, presented.mcp_id)
    used_version = dice.choice((0, 0, 0, state.key.current_secret.version))
    status: OrganizationStatus = "active" if dice.random() < 0.9 else dice.choice(("deleted", "erased"))
    decision = decide(presented, state, mcp, now, used_version, status)
    question = None if decision.key is None else ask(presented, state, mcp, now, used_version, status)
    rule: RuleName | None = "secret_known"
    code = decision.code
    if question is not None:
        rule = next((each.name for each in RULES if each.denial(question) is not None), None)
    if decision.accepted:
        rule, code = _limited(dice, presented)
    used = KeyUsed(
        id="evt_1",
        occurred_at=now,
        action=presented.action,
        code=code,
        organization_id=None if decision.key is None else decision.key.organization_id,
        key_id=None if decision.key is None else decision.key.id,
        revision=None if decision.key is None else decision.key.revision,
        secret_version=decision.secret_version,
        mcp_id=presented.mcp_id,
        tool=presented.tool,
        ip=presented.ip,
    )
    return Decided(used, question, rule, events)


def _explanation(decided: Decided, used: KeyUsed) -> Explanation:
    """Return the explanation of `used`, of which the decision is known but nothing is used that the log lacks."""
    question = decided.question
    if question is None or used.revision is None:
        return explain(used, None)
    state = KEY.fold(decided.events[: used.revision])
    assert state is not None
    facts = (question.mcp, used.occurred_at, question.used_version, question.organization)
    return explain(used, question_of(used, state, *facts))


def _history(dice: random.Random) -> list[Decided]:
    """Return the uses of one key, between random commands."""
    events: Sequence[KeyEvent] = tuple(KEY.decide(None, _creation(dice)))
    uses: list[Decided] = []
    seconds = 1
    for number in range(COMMANDS):
        for _ in range(USES_AFTER_EACH):
            seconds += dice.randrange(15)
            uses.append(_use(dice, events, at(seconds)))
        seconds += 1
        with suppress(Refusal):
            events = (*events, *KEY.decide(KEY.fold(events), _command(dice, at(seconds), number + 2)))
    return uses


@pytest.fixture(scope="module")
def uses() -> list[Decided]:
    dice = random.Random(random_seed())  # noqa: S311 -- no secret
    return [use for _ in range(HISTORIES) for use in _history(dice)]


def test_ten_thousand_random_uses_are_denied_for_every_reason(uses: list[Decided]) -> None:
    """Otherwise the tests below would prove less than they seem to."""
    assert len(uses) == 10_000
    assert {use.used.code for use in uses} == {"valid", *get_args(Denial)}
    assert {use.rule for use in uses} == {None, *ORDER}


def test_the_explanation_of_every_use_agrees_with_the_record(uses: list[Decided]) -> None:
    for use in uses:
        assert _explanation(use, use.used).agrees, use


def test_the_explanation_names_the_rule_that_decided_in_the_order_of_evaluation(uses: list[Decided]) -> None:
    for use in uses:
        steps = _explanation(use, use.used).steps
        assert tuple(step.rule for step in steps) == ORDER
        place = len(ORDER) if use.rule is None else ORDER.index(use.rule)
        outcomes = ["passed"] * place + ["decided"] + ["not_reached"] * len(ORDER)
        assert [step.outcome for step in steps] == outcomes[: len(ORDER)], use


def test_a_record_with_another_result_does_not_agree(uses: list[Decided]) -> None:
    others = cycle(("valid", *(code for code in get_args(Denial) if code not in NOT_RECORDED)))
    for use, code in zip(uses, others, strict=False):
        if code != use.used.code and not (code == "valid" and use.used.code in NOT_RECORDED):
            assert not _explanation(use, replace(use.used, code=code)).agrees, (code, use)
