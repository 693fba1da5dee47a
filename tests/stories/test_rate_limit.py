"""A limit of 100 requests per second, which four API processes share, under a higher load."""

from domain.plans.plan import PLANS
from domain.usage.rates import burst_of
from tests.app.organizations import Database
from tests.stories.conftest import StartServer
from tests.stories.load import hammer, throttled

SECONDS = 4.0
RATE = PLANS["pro"].requests_per_second or 0
BURST = burst_of(RATE)


def test_four_processes_together_admit_as_many_requests_as_the_plan_allows(
    start_server: StartServer, database: Database
) -> None:
    organization_id = database.organization("pro")
    key_id, secret = database.key(organization_id)
    server = start_server(API_WORKERS="4", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")
    hammered = hammer(server.port, secret, organization_id, SECONDS)
    assert set(hammered.statuses) <= {200, 429}
    # Never more, even on a fast machine, and not less while the limit was exhausted, even on a slow one.
    assert hammered.statuses[200] <= BURST + RATE * hammered.seconds
    query = "select occurred_at, code from usage_events where key_id = %s order by occurred_at, event_id"
    uses = [(at, code) for at, code in database.rows(query, key_id)]
    seconds, passed = throttled(uses, gap_seconds=0.5 * BURST / RATE)
    # The instants are from the processes, but Valkey's clock counts. It reads them later, much later on a busy machine.
    assert passed >= 0.95 * RATE * seconds - BURST
    assert hammered.contradictions(RATE, BURST) == []
    assert [code for _, code in uses].count("valid") == hammered.statuses[200]
