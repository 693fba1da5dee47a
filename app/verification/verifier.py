"""Decisions on batches of presented keys, for `eventstore.group_commit`.

A batch is loaded in one round trip, decided purely, and checked against all rate limits in one call. Nothing is cached
between batches, so no decision uses stale state.
"""

from collections.abc import Sequence

from app.verification.batch_context import BatchContext
from app.verification.quota_ledger import QuotaLedger
from app.verification.rate_limits import RateLimits
from app.verification.requests import VerificationRequest, VerificationResult
from domain.plans.plan import Plans
from eventstore.group_commit import BatchResult
from infrastructure.clock import new_event_ids
from infrastructure.database.pipeline import Pipeline


class Verifier:
    """`plans` are the limits of organizations; `rate_limits` counts their use."""

    def __init__(self, plans: Plans, rate_limits: RateLimits) -> None:
        self._plans = plans
        self._rate_limits = rate_limits

    async def __call__(
        self, pipeline: Pipeline, requests: Sequence[VerificationRequest]
    ) -> BatchResult[VerificationResult]:
        """Decide on every request, in order. Without any request, only make the round trip of a probe."""
        presented = [access for request in requests for access in request.presented]
        context = await BatchContext.load(pipeline, presented, self._plans, probe=not requests)
        evaluations = [request.evaluate(context) for request in requests]
        rates = await self._rate_limits.check([evaluation.rate_check for evaluation in evaluations])
        event_ids = new_event_ids(len(requests), context.at)
        ledger = QuotaLedger(context)
        steps = zip(evaluations, rates, event_ids, strict=True)
        return BatchResult(
            context.at, [evaluation.finish(checked, ledger, event_id) for evaluation, checked, event_id in steps]
        )
