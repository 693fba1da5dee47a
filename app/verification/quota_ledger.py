"""Rate limits and the monthly quota, applied to what the state of a key alone decided.

Quotas are read before the batch and counted with its commit, so an organization exceeds one by at most what other
processes have in flight at the same moment.
"""

from typing import NamedTuple

from msgspec import structs

from app.verification.batch_context import BatchContext
from domain.usage.decision import LIMITS, AccessDecision, AccessRequest
from domain.usage.events import Code
from domain.usage.quota import Quota, is_billed, month_of, next_month


class QuotaLedger:
    """The billed uses of each organization in this month, including those that this batch has accepted so far."""

    def __init__(self, context: BatchContext) -> None:
        self.context = context
        self.at = context.at
        # Counts that were loaded in the last moment of a month do not apply to the next one.
        same_month = context.billed_month == month_of(self.at)
        self._used = {id_: billed.used if same_month else 0 for id_, billed in context.billed.items()}
        self._resets_at = next_month(self.at)

    def remaining_for(self, organization_id: str) -> Quota | None:
        """Return the quota of the organization; None for a plan without one."""
        plan = self.context.billed[organization_id].plan
        limit = self.context.plans[plan].monthly_requests
        return None if limit is None else Quota(plan, limit, self._used[organization_id], self._resets_at)

    def charge(self, organization_id: str) -> None:
        """Count one billed use."""
        self._used[organization_id] += 1


class LimitedDecision(NamedTuple):
    """The decision after the limits; `billed`: the use counts against the quota of the month."""

    decision: AccessDecision
    quota: Quota | None = None
    billed: bool = False


def apply_limits(
    request: AccessRequest, decision: AccessDecision, ledger: QuotaLedger, *, rate_limited: bool
) -> LimitedDecision:
    """Apply `LIMITS` to `decision`. Only an accepted use that is billed counts against the quota."""
    key = decision.key
    billed = key is not None and is_billed(request.action, key)
    quota = ledger.remaining_for(key.organization_id) if key is not None and billed else None
    if not decision.accepted:
        return LimitedDecision(decision, quota)
    exceeded = {
        "quota_exceeded": quota is not None and not quota.remaining,
        "rate_limited": rate_limited,
        "invalid_request": request.invalid,
    }
    for _, code in LIMITS:
        if exceeded[code]:
            return LimitedDecision(deny(decision, code), quota)
    if key is None or not billed:
        return LimitedDecision(decision)
    ledger.charge(key.organization_id)
    return LimitedDecision(decision, ledger.remaining_for(key.organization_id), billed=True)


def deny_invalid(request: AccessRequest, decision: AccessDecision) -> LimitedDecision:
    """Deny an invalid request even if its key is accepted. It is recorded as a denied use and never billed."""
    return LimitedDecision(deny(decision, "invalid_request") if request.invalid and decision.accepted else decision)


def deny(decision: AccessDecision, code: Code) -> AccessDecision:
    """Return `decision` with the denial `code`."""
    return structs.replace(decision, code=code)
