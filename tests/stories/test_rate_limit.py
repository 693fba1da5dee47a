"""A limit of 100 a second, four API processes, and a caller who does not care: 100 a second come through."""

from domain.plans.plan import PLANS
from domain.usage.rates import burst_of
from tests.app.organizations import Database
from tests.stories.conftest import StartServer
from tests.stories.load import hammer, throttled

SECONDS = 4.0
RATE = PLANS["pro"].requests_per_second or 0
BURST = burst_of(RATE)


def test_four_processes_together_let_through_what_the_plan_allows(
    start_server: StartServer, database: Database
) -> None:
    organization_id = database.organization("pro")
    key_id, secret = database.key(organization_id)
    server = start_server(API_WORKERS="4", KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS="10")
    hammered = hammer(server.port, secret, organization_id, SECONDS)
    assert set(hammered.statuses) <= {200, 429}
    # Never more, however fast the machine; and no less wherever the limit stood in the way, however slow.
    assert hammered.statuses[200] <= BURST + RATE * hammered.seconds
    query = "select occurred_at, code from usage_events where key_id = %s order by occurred_at, event_id"
    uses = [(at, code) for at, code in database.rows(query, key_id)]
    seconds, passed = throttled(uses, gap_seconds=0.5 * BURST / RATE)
    # Instants are those of the processes, a moment before Valkey's, which alone counts; on a busy machine a long one.
    assert passed >= 0.95 * RATE * seconds - BURST
    assert hammered.contradictions(RATE, BURST) == []
    assert [code for _, code in uses].count("valid") == hammered.statuses[200]
