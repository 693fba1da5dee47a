"""Hostile clients and disturbances for a while; `python -m benchmarks.hostile` does it for half an hour."""

import sys
from pathlib import Path

from embedded.postgres import SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from tests.random_input import random_seed
from tests.stories.hostile import CLIENTS
from tests.stories.kills import Kills

SECONDS = 20.0


def test_hostile_clients_and_disturbances_cause_no_500_and_readiness_stays_truthful(
    postgres: PostgreSQL, valkey: Valkey, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    database = database_url.rpartition("@/")[2].partition("?")[0]
    with Kills(postgres, database_url, redis_url, tmp_path) as kills:
        promises, findings = kills.hostile(
            valkey, postgres.url_of(database, SUPERUSER), SECONDS, random_seed(), print_line
        )
    assert findings.internal_errors == []
    assert findings.contradictions == []
    assert kills.broken(promises) == []
    # It was no quiet time. A database that restarts on a busy machine may take most of it, so how much is answered
    # with success says nothing.
    assert findings.abandoned > 0
    assert findings.statuses.total() > CLIENTS
    assert findings.statuses[200] > 0
    assert findings.disturbances.total() > 1


def print_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
