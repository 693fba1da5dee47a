"""The explanation of a recorded use: every rule in the order of evaluation, and the one that decided.

The rules of the decision are evaluated again with the state that decided. What the log doesn't contain is taken from
the recorded code: which grant a management route required, and whether a limit was exceeded.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Literal

from msgspec import Struct

from domain.keys.state import Existing
from domain.organization_status import OrganizationStatus
from domain.usage.decision import LIMITS, RULES, AccessRequest, McpFacts, Question, RuleName, ask
from domain.usage.events import Code, Denial, KeyUsed

Outcome = Literal["passed", "decided", "not_reached"]

ORDER: tuple[RuleName, ...] = (
    "secret_known",
    *[rule.name for rule in RULES],
    *[limit.name for limit in LIMITS],
)
"""Every rule in the order of evaluation."""


class Step(Struct, frozen=True):
    """A rule and its outcome. The last rule that was reached decided, unless the use was accepted."""

    rule: RuleName
    outcome: Outcome


class Explanation(Struct, frozen=True):
    """The steps of a decision. `agrees`: the rules, evaluated again, lead to the recorded code."""

    steps: tuple[Step, ...]
    agrees: bool


def explain(used: KeyUsed, question: Question | None) -> Explanation:
    """Return the explanation of `used`. `question` is None for a secret of no key."""
    if question is None:
        return Explanation(_steps("secret_known"), agrees=used.code == "unauthorized")
    rule, code = _first_denial(question)
    limit = next((limit for limit in LIMITS if limit.code == used.code), None)
    if code is None and limit is not None:
        rule, code = limit.name, limit.code
    return Explanation(_steps(rule), agrees=(code or "valid") == used.code)


def question_of(
    used: KeyUsed,
    state: Existing,
    mcp: McpFacts | None,
    at: datetime,
    used_version: int = 0,
    organization: OrganizationStatus = "active",
) -> Question:
    """Return the question that the presented key of `used` asks of `state` at an instant."""
    secrets = (secret for secret in state.key.secrets if secret.version == used.secret_version)
    presented = AccessRequest(
        digest=bytes.fromhex(next((secret.digest for secret in secrets), "")),
        action=used.action,
        mcp_id=used.mcp_id,
        tool=used.tool,
        ip=used.ip,
        # The required grant is not recorded, only that it was missing.
        people_only=used.code == "forbidden",
    )
    return ask(presented, state, mcp, at, used_version, organization)


def code_now(question: Question) -> Code:
    """Return the code of the rules, without limits."""
    return _first_denial(question)[1] or "valid"


def _first_denial(question: Question) -> tuple[RuleName | None, Denial | None]:
    for name, denial in RULES:
        denied = denial(question)
        if denied is not None:
            return name, denied
    return None, None


def _steps(decided: RuleName | None) -> tuple[Step, ...]:
    return tuple(_each_step(decided))


def _each_step(decided: RuleName | None) -> Iterator[Step]:
    outcome: Outcome = "passed"
    for rule in ORDER:
        if rule == decided:
            yield Step(rule, "decided")
            outcome = "not_reached"
        else:
            yield Step(rule, outcome)
