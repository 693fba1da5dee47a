"""Requests that present keys, and the decision on each kind.

`Verifier` handles them in batches, in three steps: `presented` lists what must be loaded, `evaluate` decides from the
loaded context only, and `finish` applies rate limits and quota and returns the result with the event to record.
"""

from datetime import datetime

from msgspec import Struct, structs

from app.verification.batch_context import BatchContext
from app.verification.quota_ledger import QuotaLedger, apply_limits, deny, deny_invalid
from app.verification.rate_limits import RateCheck, RateCheckResult, RateLimitStatus
from app.verification.use_event import key_used
from domain.keys.state import Key
from domain.usage.decision import DIFFERENT_KEYS, UNKNOWN_KEY, AccessDecision, AccessRequest
from domain.usage.quota import Quota
from domain.usage.rates import Rate, key_rates
from eventstore.group_commit import ItemResult


class VerificationResult(Struct, frozen=True):
    """The decision and its record.

    `caller` is the decision on the caller's key; `subject` is the decision on the key to be verified, which is the same
    key if a caller presents it for its own use. `event_id` is the recorded use; None if the use is not of `subject`.
    `rate_limit` is the state of the tightest rate limit; None if none applies or the caller did not authenticate.
    `quota` is that of the month; None for a plan without a quota and for requests that are not billed.
    """

    caller: AccessDecision
    subject: AccessDecision
    at: datetime
    event_id: str | None
    rate_limit: RateLimitStatus | None = None
    quota: Quota | None = None


class Authenticate(Struct, frozen=True):
    """A caller presents a key for its own use: a call, a management request or a request behind a gateway."""

    request: AccessRequest

    @property
    def caller(self) -> AccessRequest:
        return self.request

    @property
    def presented(self) -> tuple[AccessRequest, ...]:
        return _looked_up(self.request)

    def evaluate(self, context: BatchContext) -> "_Authentication":
        decision = _decide_caller(context, self.request)
        return _Authentication(self.request, decision, context.rate_check(self.request, decision))


class _Authentication(Struct, frozen=True):
    request: AccessRequest
    decision: AccessDecision
    rate_check: RateCheck

    def finish(self, rates: RateCheckResult, ledger: QuotaLedger, event_id: str) -> ItemResult[VerificationResult]:
        limited = apply_limits(self.request, self.decision, ledger, rate_limited=rates.refused_by is not None)
        decision = limited.decision
        return ItemResult(
            VerificationResult(decision, decision, ledger.at, event_id, rates.status, limited.quota),
            key_used(self.request, limited, ledger.context, event_id),
        )


class VerifyKey(Struct, frozen=True):
    """A verification of the key in `subject` by the key in `caller`. `subject` None: the given text is not a key."""

    caller: AccessRequest
    subject: AccessRequest | None

    @property
    def presented(self) -> tuple[AccessRequest, ...]:
        return (*_looked_up(self.caller), *(() if self.subject is None else (self.subject,)))

    def evaluate(self, context: BatchContext) -> "_KeyVerification":
        caller = _decide_caller(context, self.caller)
        if not caller.accepted or caller.key is None:
            return _KeyVerification(self, caller, UNKNOWN_KEY, context.rate_check(self.caller, caller))
        own = key_rates(caller.key)
        subject = self._decide_subject(context, caller.key)
        if subject.accepted and subject.key is not None:
            # A key that verifies itself counts once.
            rates = tuple(dict.fromkeys(own + context.rates(subject.key, "verify")))
            return _KeyVerification(self, caller, subject, RateCheck(rates, rates), own)
        return _KeyVerification(self, caller, subject, RateCheck(own, own + context.rates(caller.key, "verify")), own)

    def _decide_subject(self, context: BatchContext, caller: Key) -> AccessDecision:
        if self.subject is None:
            return UNKNOWN_KEY
        state = context.states.get(self.subject.digest)
        # A key of another organization is reported and recorded exactly like an unknown one.
        if state is not None and state.key.organization_id != caller.organization_id:
            return UNKNOWN_KEY
        return context.decide(self.subject)


class _KeyVerification(Struct, frozen=True):
    """`caller_rates`: the limits of the caller's own key, among those of `rate_check`."""

    request: VerifyKey
    caller: AccessDecision
    subject: AccessDecision
    rate_check: RateCheck
    caller_rates: tuple[Rate, ...] = ()

    def finish(self, rates: RateCheckResult, ledger: QuotaLedger, event_id: str) -> ItemResult[VerificationResult]:
        """Record one use: of the subject, or of the caller's key if the caller is denied."""
        caller = deny(self.caller, "rate_limited") if rates.refused_by in self.caller_rates else self.caller
        subject = self.request.subject
        if not caller.accepted or caller.key is None or subject is None:
            denied = deny_invalid(self.request.caller, caller)
            return ItemResult(
                VerificationResult(denied.decision, UNKNOWN_KEY, ledger.at, None, rates.status),
                key_used(self.request.caller, denied, ledger.context, event_id),
            )
        limited = apply_limits(subject, self.subject, ledger, rate_limited=rates.refused_by is not None)
        use = key_used(subject, limited, ledger.context, event_id, verified_by=caller.key)
        if caller.key.has_several_secrets(ledger.at):
            use = structs.replace(use, caller_version=caller.secret_version)
        if ledger.context.ends_previous(self.request.caller, caller):
            use = structs.replace(use, caller_secret_version=caller.secret_version)
        result = VerificationResult(caller, limited.decision, ledger.at, event_id, rates.status, limited.quota)
        return ItemResult(result, use)


VerificationRequest = Authenticate | VerifyKey


def _looked_up(caller: AccessRequest) -> tuple[AccessRequest, ...]:
    """Return the request of a caller, and one with the other secret in its headers, so that both are looked up."""
    other = caller.other_digest
    return (caller,) if other is None else (caller, structs.replace(caller, digest=other))


def _decide_caller(context: BatchContext, caller: AccessRequest) -> AccessDecision:
    """Decide on the key of a caller. If the headers contain the secrets of two keys, neither counts."""
    if caller.other_digest in context.states and caller.digest in context.states:
        return DIFFERENT_KEYS
    return context.decide(caller)
