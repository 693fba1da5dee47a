"""`python -m benchmarks.limits`: a limit of 100 requests a second, 4 API processes, 10 seconds of maximum load.

Prints the number of accepted requests. The limit is that of the plan `pro`. A burst is a quarter of a second's worth,
so at most 1,025 requests are accepted in ten seconds, and 1,000 is the nominal number. The timeout for Valkey is one
second a batch: on a machine that the load shares, a tenth of a second would let some requests pass uncounted, and the
counting is what this benchmark measures.
"""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from benchmarks.serving import serving
from domain.plans.plan import PLANS
from domain.usage.rates import burst_of
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from tests.app.organizations import Database
from tests.stories.load import Hammered, hammer

RATE = PLANS["pro"].requests_per_second or 0
TOLERANCE = 0.05


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="how long (default 10)")
    parser.add_argument("--processes", type=int, default=4, help="API processes (default 4)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="keyledger-limits-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            timeouts = {"KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS": "1", "KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "5"}
            os.environ.update({"REDIS_URL": valkey.url, **timeouts})
            asyncio.run(migrate(postgres.url, scripts()))
            with closing(Database(postgres.url)) as database:
                organization_id = database.organization("pro")
                key_id, secret = database.key(organization_id)
                with serving(postgres.url, options.processes, folder / "api.log") as api:
                    hammered = hammer(int(api.url.rpartition(":")[2]), secret, organization_id, options.seconds)
                uses = database.rows("select occurred_at from usage_events where key_id = %s order by 1", key_id)
                return _report(hammered, options, [at for (at,) in uses])


def _report(hammered: Hammered, options: argparse.Namespace, uses: Sequence[datetime]) -> int:
    passed = hammered.statuses[200]
    expected = RATE * hammered.seconds
    contradictions = hammered.contradictions(RATE, burst_of(RATE))
    print(
        f"{options.processes} processes, {hammered.seconds:.2f} s, {len(hammered.replies):,} requests "
        f"({len(hammered.replies) / hammered.seconds:,.0f}/s): {passed:,} passed, {passed / expected - 1:+.1%} "
        f"of {expected:,.0f}; {len(uses):,} recorded; {len(contradictions)} responses with impossible headers"
    )
    agrees = not contradictions and len(uses) == len(hammered.replies)
    return 0 if agrees and abs(passed / expected - 1) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
