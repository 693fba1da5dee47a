"""The judge of presented keys: what `eventstore.group_commit` asks for every batch of questions.

One look-up for all secrets of the batch, a pure decision each, one call for all rate limits. Nothing is remembered
between batches, so there is no old state to see.

A key that is accepted as it is may still be over a limit: of the month's quota, or of its rate. What is refused for
that is a use like any other denied one; it is not billed. Quotas are read before the batch and counted with its commit,
so they are passed by no more than what other processes have in flight at the same moment.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from msgspec import Struct, structs

from app.verification.rate_limits import RateCheck, RateCheckResult, RateLimits
from app.verification.requests import Authenticate, RecordCallEnd, VerificationRequest, VerificationResult, VerifyKey
from domain.keys.state import Existing, Key
from domain.plans.plan import Plans
from domain.usage.decision import UNKNOWN_KEY, AccessDecision, AccessRequest, McpFacts, decide
from domain.usage.events import Action, CallCompleted, Code, KeyUsed
from domain.usage.quota import Quota, is_billed, month_of, next_month
from domain.usage.rates import Rate, key_rates, organization_rates
from eventstore.group_commit import BatchResult, ItemResult
from infrastructure.clock import new_event_ids, now, own_now
from infrastructure.database.clock import heed
from infrastructure.database.connections import Connection
from infrastructure.database.queries import SQL as DATABASE
from projections.read_models.keys.state import queries as key_state
from projections.read_models.mcps.list import queries as mcp_list
from projections.read_models.organizations.billed_usage import queries as quotas

_UNAUTHENTICATED: frozenset[Code] = frozenset({"unauthorized", "expired_key", "revoked_key", "disabled_key"})
"""Whoever is told this did not authenticate, and is told nothing about limits."""


class Verifier:
    """Decides for the process; `plans` says what organizations may do, `rate_limits` counts what they do."""

    def __init__(self, plans: Plans, rate_limits: RateLimits) -> None:
        self._plans = plans
        self._rate_limits = rate_limits

    async def __call__(
        self, connection: Connection, questions: Sequence[VerificationRequest]
    ) -> BatchResult[VerificationResult]:
        presentations = [p for question in questions for p in _access_requests(question)]
        # What has no key to look up needs no round trip, except for a probe, which is about the round trip.
        facts = await _BatchContext.load(connection, presentations, self._plans, even_none=not questions)
        at = now()
        opinions = [_evaluate(question, facts, at) for question in questions]
        taken = await self._rate_limits.check([opinion.take for opinion in opinions])
        event_ids = new_event_ids(len(questions), at)
        bill = _QuotaLedger(facts, at)
        return BatchResult(
            at, [_finish(*each, bill) for each in zip(questions, opinions, taken, event_ids, strict=True)]
        )


def _access_requests(question: VerificationRequest) -> tuple[AccessRequest, ...]:
    match question:
        case Authenticate():
            return (question.presentation,)
        case VerifyKey():
            return (question.caller,) if question.subject is None else (question.caller, question.subject)
        case RecordCallEnd():
            return ()


class _BatchContext(Struct, frozen=True):
    plans: Plans
    states: dict[bytes, Existing]
    used_versions: dict[bytes, int]
    mcps: dict[str, McpFacts]
    standings: dict[str, quotas.BilledUsage]
    month: date

    @classmethod
    async def load(
        cls, connection: Connection, presentations: Sequence[AccessRequest], plans: Plans, *, even_none: bool
    ) -> "_BatchContext":
        """In one round trip, which also reads the database's clock: `now` is that instant once the facts are there."""
        at = now()
        digests = list({p.digest for p in presentations})
        if not digests and not even_none:
            return cls(plans, {}, {}, {}, {}, month_of(at))
        mcp_ids = list({p.mcp_id for p in presentations if p.mcp_id is not None})
        before = own_now()
        async with connection.pipeline():
            clock = await connection.execute(DATABASE.clock)
            found = await connection.execute(*key_state.by_digests(digests))
            standings = await connection.execute(*quotas.billed_usage(digests, at))
            mcps = await connection.execute(*mcp_list.facts(mcp_ids)) if mcp_ids else None
        read = await clock.fetchone()
        if read is not None:
            heed(before, read[0], own_now())
        rows = [(bytes(digest), bytes(state), used) for digest, state, used in await found.fetchall()]
        return cls(
            plans,
            {digest: key_state.decode(state) for digest, state, _ in rows},
            {digest: used for digest, _, used in rows},
            {row[0]: McpFacts(*row) for row in await mcps.fetchall()} if mcps else {},
            {row[0]: quotas.BilledUsage(*row) for row in await standings.fetchall()},
            month_of(at),
        )

    def verdict(self, presented: AccessRequest, at: datetime) -> AccessDecision:
        mcp = None if presented.mcp_id is None else self.mcps.get(presented.mcp_id)
        used = self.used_versions.get(presented.digest, 0)
        return decide(presented, self.states.get(presented.digest), mcp, at, used)

    def ends_previous(self, presented: AccessRequest, verdict: AccessDecision) -> bool:
        """Whether this is the first accepted use of a secret, and one before it was valid until now."""
        key, version = verdict.key, verdict.secret_version
        if not verdict.accepted or key is None or version is None:
            return False
        return self.used_versions.get(presented.digest, 0) < version and key.is_ended_by_use_of(version)

    def rates(self, key: Key, action: Action) -> tuple[Rate, ...]:
        """Every limit that the use of `key` for `action` counts against."""
        limits = self.plans[self.standings[key.organization_id].plan]
        return key_rates(key) + organization_rates(key.organization_id, action, limits)


class _Evaluation(Struct, frozen=True):
    """The verdicts so far, and what remains to be asked of the rate limits. `of_caller`: the caller's own limits."""

    caller: AccessDecision
    subject: AccessDecision
    take: RateCheck = RateCheck()
    of_caller: tuple[Rate, ...] = ()


_NOTHING = _Evaluation(UNKNOWN_KEY, UNKNOWN_KEY)


def _evaluate(question: VerificationRequest, facts: _BatchContext, at: datetime) -> _Evaluation:
    match question:
        case Authenticate(presentation):
            verdict = facts.verdict(presentation, at)
            return _Evaluation(verdict, verdict, _take(presentation, verdict, facts))
        case VerifyKey(caller, subject):
            return _evaluate_verify_call(caller, subject, facts, at)
        case RecordCallEnd():
            return _NOTHING


def _take(presented: AccessRequest, verdict: AccessDecision, facts: _BatchContext) -> RateCheck:
    if verdict.key is None or verdict.code in _UNAUTHENTICATED:
        return RateCheck()
    rates = facts.rates(verdict.key, presented.action)
    return RateCheck(rates if verdict.accepted else (), rates)


def _evaluate_verify_call(
    caller: AccessRequest, subject: AccessRequest | None, facts: _BatchContext, at: datetime
) -> _Evaluation:
    asking = facts.verdict(caller, at)
    if not asking.accepted or asking.key is None:
        return _Evaluation(asking, UNKNOWN_KEY, _take(caller, asking, facts))
    own = key_rates(asking.key)
    verdict = UNKNOWN_KEY
    if subject is not None:
        state = facts.states.get(subject.digest)
        # A key of another organization is unknown here, to the letter of the answer and of the record.
        if state is None or state.key.organization_id == asking.key.organization_id:
            verdict = facts.verdict(subject, at)
    if verdict.accepted and verdict.key is not None:
        # A key that asks about itself is counted once.
        rates = tuple(dict.fromkeys(own + facts.rates(verdict.key, "verify")))
        return _Evaluation(asking, verdict, RateCheck(rates, rates), own)
    return _Evaluation(asking, verdict, RateCheck(own, own + facts.rates(asking.key, "verify")), own)


class _QuotaLedger:
    """What each organization was billed this month, the uses of this batch included as they are accepted."""

    def __init__(self, facts: _BatchContext, at: datetime) -> None:
        self.at = at
        self.facts = facts
        self._plans = facts.plans
        self._standings = facts.standings
        # Whatever was looked up in the last moment of a month is of that month.
        counts = facts.month == month_of(at)
        self._used = {id_: standing.used if counts else 0 for id_, standing in facts.standings.items()}
        self._resets_at = next_month(at)

    def remaining_for(self, organization_id: str) -> Quota | None:
        plan = self._standings[organization_id].plan
        limit = self._plans[plan].monthly_requests
        return None if limit is None else Quota(plan, limit, self._used[organization_id], self._resets_at)

    def charge(self, organization_id: str) -> None:
        self._used[organization_id] += 1


class _Outcome(NamedTuple):
    verdict: AccessDecision
    quota: Quota | None = None
    billed: bool = False


def _apply_limits(presented: AccessRequest, verdict: AccessDecision, bill: _QuotaLedger, *, refused: bool) -> _Outcome:
    """The verdict after the limits have spoken. A key over both is told of the quota: that lasts longer."""
    key = verdict.key
    if key is None or not is_billed(presented.action, key):
        return _Outcome(_denied(verdict, "rate_limited") if refused else _of_request(presented, verdict))
    quota = bill.remaining_for(key.organization_id)
    if not verdict.accepted:
        return _Outcome(verdict, quota)
    if quota is not None and not quota.remaining:
        return _Outcome(_denied(verdict, "quota_exceeded"), quota)
    if refused:
        return _Outcome(_denied(verdict, "rate_limited"), quota)
    if presented.invalid:
        return _Outcome(_of_request(presented, verdict), quota)
    bill.charge(key.organization_id)
    return _Outcome(verdict, bill.remaining_for(key.organization_id), billed=True)


def _of_request(presented: AccessRequest, verdict: AccessDecision) -> AccessDecision:
    """A key that is accepted still gets nothing for a request that is not valid: that is a denied use, never billed."""
    return _denied(verdict, "invalid_request") if presented.invalid and verdict.accepted else verdict


def _denied(verdict: AccessDecision, code: Code) -> AccessDecision:
    return structs.replace(verdict, code=code)


def _finish(
    question: VerificationRequest, opinion: _Evaluation, taken: RateCheckResult, event_id: str, bill: _QuotaLedger
) -> ItemResult[VerificationResult]:
    match question:
        case Authenticate(presentation):
            final = _apply_limits(presentation, opinion.subject, bill, refused=taken.refused_by is not None)
            ruling = VerificationResult(final.verdict, final.verdict, bill.at, event_id, taken.allowance, final.quota)
            return ItemResult(ruling, _key_used_event(presentation, final, bill, event_id))
        case VerifyKey():
            return _finish_verify_call(question, opinion, taken, event_id, bill)
        case RecordCallEnd():
            return ItemResult(
                VerificationResult(UNKNOWN_KEY, UNKNOWN_KEY, bill.at, event_id),
                _call_completed_event(question, bill.at, event_id),
            )


def _finish_verify_call(
    question: VerifyKey, opinion: _Evaluation, taken: RateCheckResult, event_id: str, bill: _QuotaLedger
) -> ItemResult[VerificationResult]:
    """One use is recorded: of the key asked about, or of the caller's where it gets no further."""
    caller, subject, asking = question.caller, question.subject, opinion.caller
    if taken.refused_by in opinion.of_caller:
        asking = _denied(asking, "rate_limited")
    if not asking.accepted or asking.key is None or subject is None:
        asking = _of_request(caller, asking)
        ruling = VerificationResult(asking, UNKNOWN_KEY, bill.at, None, taken.allowance)
        return ItemResult(ruling, _key_used_event(caller, _Outcome(asking), bill, event_id))
    final = _apply_limits(subject, opinion.subject, bill, refused=taken.refused_by is not None)
    ruling = VerificationResult(asking, final.verdict, bill.at, event_id, taken.allowance, final.quota)
    use = _key_used_event(subject, final, bill, event_id, asked_by=asking.key)
    if bill.facts.ends_previous(caller, asking):
        use = structs.replace(use, caller_secret_version=asking.secret_version)
    return ItemResult(ruling, use)


def _key_used_event(
    presented: AccessRequest, final: _Outcome, bill: _QuotaLedger, event_id: str, *, asked_by: Key | None = None
) -> KeyUsed:
    verdict = final.verdict
    key = verdict.key
    organization_id = None if asked_by is None else asked_by.organization_id
    return KeyUsed(
        id=event_id,
        occurred_at=bill.at,
        action=presented.action,
        code=verdict.code,
        organization_id=organization_id if key is None else key.organization_id,
        key_id=None if key is None else key.id,
        revision=None if key is None else key.revision,
        secret_version=verdict.secret_version,
        mcp_id=presented.mcp_id,
        tool=presented.tool,
        ip=presented.ip,
        user_agent=presented.user_agent,
        request_id=presented.request_id,
        caller_key_id=None if asked_by is None else asked_by.id,
        billed=final.billed,
        ends_previous=bill.facts.ends_previous(presented, verdict),
    )


def _call_completed_event(call: RecordCallEnd, at: datetime, event_id: str) -> CallCompleted:
    return CallCompleted(
        id=event_id,
        occurred_at=at,
        call_id=call.call_id,
        organization_id=call.key.organization_id,
        key_id=call.key.id,
        mcp_id=call.mcp_id,
        tool=call.tool,
        status=call.status,
        latency_ms=call.latency_ms,
        response_bytes=call.response_bytes,
        error=call.error,
    )
