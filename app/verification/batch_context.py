"""The committed state that decides a batch: keys, MCPs and plans, loaded in one round trip."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Self

from msgspec import Struct, field

from app.verification.rate_limits import RateCheck
from domain.keys.state import Existing, Key
from domain.plans.plan import Plans
from domain.usage.decision import AccessDecision, AccessRequest, McpFacts, decide, decisive_fields
from domain.usage.events import Action, Code
from domain.usage.quota import month_of
from domain.usage.rates import Rate, key_rates, organization_rates
from infrastructure.clock import now, own_now
from infrastructure.database.clock import apply_reading, clock_call, instant_of
from infrastructure.database.pipeline import Pipeline
from projections.read_models.keys.state import queries as key_state
from projections.read_models.mcps.list import queries as mcp_list
from projections.read_models.organizations.billed_usage import queries as billed_usage

_UNAUTHENTICATED: frozenset[Code] = frozenset({"unauthorized", "expired_key", "revoked_key", "disabled_key"})
"""Codes for callers that did not authenticate. Their responses carry no rate limits."""


class BatchContext(Struct, frozen=True):
    """The loaded state by digest of the secret, id of the MCP and id of the organization; `at`: the time of loading.

    `used_versions`: the newest used version of the key's secret. `billed`: billed requests of the month `billed_month`.
    `decisions`: those made so far, by the decisive fields of the request.
    """

    at: datetime
    plans: Plans
    states: Mapping[bytes, Existing]
    used_versions: Mapping[bytes, int]
    mcps: Mapping[str, McpFacts]
    billed: Mapping[str, billed_usage.BilledUsage]
    billed_month: date
    decisions: dict[tuple[object, ...], AccessDecision] = field(
        default_factory=dict[tuple[object, ...], AccessDecision]
    )

    @classmethod
    async def load(
        cls, pipeline: Pipeline, presented: Sequence[AccessRequest], plans: Plans, *, probe: bool = False
    ) -> Self:
        """Load in one round trip, which also reads the database's clock. Without any key, only a probe makes it."""
        started = now()
        digests = list({request.digest for request in presented})
        if not digests and not probe:
            return cls(started, plans, {}, {}, {}, {}, month_of(started))
        mcp_ids = list({request.mcp_id for request in presented if request.mcp_id is not None})
        before = own_now()
        clock, keys, billed, *mcps = await pipeline.run(
            clock_call(),
            key_state.by_digests(digests),
            billed_usage.billed_usage(digests, started),
            *([mcp_list.facts(mcp_ids)] if mcp_ids else []),
        )
        apply_reading(before, instant_of(clock), own_now())
        found = key_state.used_keys(keys)
        return cls(
            now(),
            plans,
            {each.digest: each.state for each in found},
            {each.digest: each.used_version for each in found},
            {row[0]: McpFacts(*row) for result in mcps for row in mcp_list.read_facts(result)},
            {each.organization_id: each for each in billed_usage.read_billed_usage(billed)},
            month_of(started),
        )

    def decide(self, request: AccessRequest) -> AccessDecision:
        """Decide on one presented key, before rate limits and quota.

        Most requests of a batch have the same caller. Requests that cannot be decided differently are decided once.
        """
        fields = decisive_fields(request)
        decision = self.decisions.get(fields)
        if decision is None:
            decision = self.decisions[fields] = self._decide(request)
        return decision

    def _decide(self, request: AccessRequest) -> AccessDecision:
        mcp = None if request.mcp_id is None else self.mcps.get(request.mcp_id)
        used = self.used_versions.get(request.digest, 0)
        state = self.states.get(request.digest)
        status = "active" if state is None else self.billed[state.key.organization_id].status
        return decide(request, state, mcp, self.at, used, status)

    def ends_previous(self, request: AccessRequest, decision: AccessDecision) -> bool:
        """Return whether this is the first accepted use of a secret, and an earlier secret was valid until now."""
        key, version = decision.key, decision.secret_version
        if not decision.accepted or key is None or version is None:
            return False
        return self.used_versions.get(request.digest, 0) < version and key.is_ended_by_use_of(version)

    def rates(self, key: Key, action: Action) -> tuple[Rate, ...]:
        """Return every limit that the use of `key` for `action` counts against."""
        limits = self.plans[self.billed[key.organization_id].plan]
        return key_rates(key) + organization_rates(key.organization_id, action, limits)

    def rate_check(self, request: AccessRequest, decision: AccessDecision) -> RateCheck:
        """Return the limits to check for a caller: an accepted use counts, a denied one only reports their state."""
        if decision.key is None or decision.code in _UNAUTHENTICATED:
            return RateCheck()
        rates = self.rates(decision.key, request.action)
        return RateCheck(rates if decision.accepted else (), rates)
