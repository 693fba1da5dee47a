"""A short run with hostile clients and disturbances. `python -m benchmarks.hostile` runs for half an hour."""

import sys
from pathlib import Path

import pytest

from embedded.postgres import SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from tests.random_input import random_seed
from tests.stories.hostile import CLIENTS, Findings
from tests.stories.kills import Kills

SECONDS = 20.0
ROUNDS_MAX = 5


def test_hostile_clients_and_disturbances_cause_no_500_and_readiness_stays_correct(
    postgres: PostgreSQL, valkey: Valkey, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    database = database_url.rpartition("@/")[2].partition("?")[0]
    with Kills(postgres, database_url, redis_url, tmp_path) as kills:
        for _ in range(ROUNDS_MAX):
            promises, findings = kills.hostile(
                valkey, postgres.url_of(database, SUPERUSER), SECONDS, random_seed(), print_line
            )
            assert findings.internal_errors == []
            assert findings.contradictions == []
            assert kills.broken(promises) == []
            if _is_hostile_enough(findings):
                return
    pytest.fail("no round had enough disturbances, abandoned requests and successes")


def _is_hostile_enough(findings: Findings) -> bool:
    """Return whether the round was meaningful. On a busy machine a restart of the database may take most of it."""
    return findings.abandoned > CLIENTS and findings.statuses[200] > CLIENTS and findings.disturbances.total() > 3


def print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
