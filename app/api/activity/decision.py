"""One use in a response: the recorded facts, and the explanation of the decision."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from app.api import examples
from app.api.activity.key_use import KEY_USE_EXAMPLE, KeyUse, NamedKey, named_key, to_key_use
from app.api.schemas import Actor, Count, EventId, Revision, Time, to_actor
from domain.usage.decision import Question, RuleName
from domain.usage.events import CallCompleted, CallStatus, Code, KeyUsed
from domain.usage.explanation import Explanation, Outcome, Step, code_now
from infrastructure.geoip import CountryOf
from projections.log_queries.activity.entries import Entry
from projections.log_queries.activity.single import DecidingState
from projections.log_queries.names.queries import Names


class EndedCall(Struct, frozen=True):
    """The end of a call."""

    id: EventId
    timestamp: Time
    status: CallStatus
    latency_ms: Count
    response_bytes: Count
    error: str | UnsetType = UNSET


class RuleResult(Struct, frozen=True):
    """A rule, in the order of evaluation. `values` are those that it compared; they depend on the rule."""

    rule: RuleName
    outcome: Outcome
    values: dict[str, Any]


class DecidingRevision(Struct, frozen=True):
    """The change that made the revision of the key which decided."""

    revision: Revision
    event_id: EventId
    event: str
    timestamp: Time
    actor: Actor


class CurrentDecision(Struct, frozen=True):
    """The code for the same question now, before limits. `valid`: the key would be accepted."""

    revision: Revision
    code: Code


class DecisionExplanation(Struct, frozen=True):
    """The rules, evaluated again with the state that decided. `agrees`: they lead to the recorded `code`."""

    rules: list[RuleResult]
    agrees: bool
    decided_by: (
        Annotated[DecidingRevision, Meta(description="Absent for a secret that belongs to no key.")] | UnsetType
    ) = UNSET
    now: (
        Annotated[
            CurrentDecision,
            Meta(
                description="Absent for a secret that belongs to no key and for management, because the required grant "
                "is not recorded."
            ),
        ]
        | UnsetType
    ) = UNSET


class Use(KeyUse, frozen=True, kw_only=True):
    """A use of a key with everything that is recorded about it, and the explanation of its decision."""

    code: Code
    verified_by: Annotated[NamedKey, Meta(description="The key that verified the presented one.")] | UnsetType = UNSET
    request_id: str | UnsetType = UNSET
    billed: Annotated[bool, Meta(description="Whether the use counts towards the quota of the month.")]
    call: Annotated[EndedCall, Meta(description="The end of a call, once it is recorded.")] | UnsetType = UNSET
    explanation: DecisionExplanation


class Decision(Struct, frozen=True):
    """A recorded use with the state that decided it. `question` and `deciding` are None for a secret of no key.

    `current` asks the same question now.
    """

    entry: Entry
    used: KeyUsed
    explanation: Explanation
    question: Question | None
    deciding: DecidingState | None
    current: Question | None


USE_EXAMPLE = Use(
    **structs.asdict(structs.replace(KEY_USE_EXAMPLE, status="denied", reason="tool_not_permitted", latency_ms=UNSET)),
    code="tool_not_permitted",
    billed=False,
    explanation=DecisionExplanation(
        rules=[
            RuleResult("environment", "passed", {"key": "live", "mcp_server": "live"}),
            RuleResult("tool", "decided", {"tool": "get_page", "pattern": "get_*"}),
            RuleResult("monthly_quota", "not_reached", {}),
        ],
        agrees=True,
        decided_by=DecidingRevision(
            3, examples.EVENT_ID, "api_key.permissions_changed", examples.THEN, Actor("user", examples.USER_ID)
        ),
        now=CurrentDecision(4, "valid"),
    ),
)


def to_use(decision: Decision, names: Names, country_of: CountryOf) -> Use:
    """Return the response. `names` are those of the actor, keys and MCP server of the decision."""
    used, completed = decision.used, decision.entry.completed
    return Use(
        **structs.asdict(to_key_use(decision.entry, names, country_of)),
        code=used.code,
        verified_by=named_key(used.caller_key_id, names),
        request_id=UNSET if used.request_id is None else used.request_id,
        billed=used.billed,
        call=UNSET if completed is None else _call(completed),
        explanation=_explanation(decision, names),
    )


def _call(completed: CallCompleted) -> EndedCall:
    return EndedCall(
        id=completed.id,
        timestamp=completed.occurred_at,
        status=completed.status,
        latency_ms=completed.latency_ms,
        response_bytes=completed.response_bytes,
        error=UNSET if completed.error is None else completed.error,
    )


def _explanation(decision: Decision, names: Names) -> DecisionExplanation:
    current = decision.current
    return DecisionExplanation(
        rules=[_rule_result(step, decision.question) for step in decision.explanation.steps],
        agrees=decision.explanation.agrees,
        decided_by=UNSET if decision.deciding is None else _revision(decision.deciding, names),
        now=UNSET if current is None else CurrentDecision(current.state.key.revision, code_now(current)),
    )


def _rule_result(step: Step, question: Question | None) -> RuleResult:
    values = _VALUES.get(step.rule)
    shown = {} if values is None or question is None or step.outcome == "not_reached" else values(question)
    return RuleResult(step.rule, step.outcome, shown)


def _revision(deciding: DecidingState, names: Names) -> DecidingRevision:
    record = deciding.record
    return DecidingRevision(
        record.version, record.id, record.type, record.occurred_at, to_actor(record.origin.actor, names)
    )


def _key_status(question: Question) -> dict[str, Any]:
    return {"status": question.state.__struct_config__.tag}


def _secret_values(question: Question) -> dict[str, Any]:
    secret = question.secret
    return {} if secret is None else {"version": secret.version, "valid_until": _instant(secret.valid_until)}


def _organization_values(question: Question) -> dict[str, Any]:
    return {"status": question.organization}


def _ip_values(question: Question) -> dict[str, Any]:
    return {"ip": question.presented.ip, "allowed_ips": list(question.state.key.allowed_ips)}


def _grant_values(question: Question) -> dict[str, Any]:
    if question.presented.action != "manage":
        return {}
    return {"manage": list(question.state.key.permissions.manage)}


def _mcp_values(question: Question) -> dict[str, Any]:
    mcp_id = question.presented.mcp_id
    return {} if mcp_id is None else {"mcp_id": mcp_id}


def _active_values(question: Question) -> dict[str, Any]:
    return {} if question.mcp is None else {"active": question.mcp.active}


def _allowed_values(question: Question) -> dict[str, Any]:
    mcps = question.state.key.permissions.mcps
    return {} if question.mcp is None else {"mcps": mcps if mcps == "*" else list(mcps)}


def _environment_values(question: Question) -> dict[str, Any]:
    mcp = question.mcp
    return {} if mcp is None else {"key": question.state.key.environment, "mcp_server": mcp.environment}


def _rate_values(question: Question) -> dict[str, Any]:
    rate = question.state.key.rate_limit
    return {} if rate is None else {"per_second": rate.per_second}


def _tool_values(question: Question) -> dict[str, Any]:
    tool, mcp = question.presented.tool, question.mcp
    if tool is None:
        return {}
    rule = None if mcp is None else question.state.key.permissions.tools.get(mcp.id)
    return {"tool": tool, "pattern": None if rule is None else rule.pattern_of(tool)}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


_VALUES: Mapping[RuleName, Callable[[Question], dict[str, Any]]] = {
    "key_state": _key_status,
    "key_expiry": lambda question: {"expires_at": _instant(question.state.key.expires_at)},
    "secret_valid": _secret_values,
    "key_enabled": _key_status,
    "organization": _organization_values,
    "ip_address": _ip_values,
    "grant": _grant_values,
    "mcp_known": _mcp_values,
    "mcp_active": _active_values,
    "mcp_allowed": _allowed_values,
    "environment": _environment_values,
    "tool": _tool_values,
    "rate_limit": _rate_values,
}
"""The values that each rule compares. They are empty if the question does not concern the rule."""
