"""`python -m benchmarks.chaos --rounds N`: kill a part of the service with SIGKILL, N times, under load.

Runs the rounds of `tests/stories/test_nothing_acknowledged_is_lost.py` for any length of time: two API processes, the
worker pool, PostgreSQL with fsync and Valkey. Afterwards the log must contain every acknowledged request exactly once.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from tests.logins import migrate_with_runtime_login
from tests.stories.kills import KINDS, Kills


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100, help="how often something is killed (default 100)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of an earlier run, to repeat it")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what is killed (default: all)")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    rng = random.Random(options.seed)  # noqa: S311 -- no secret
    kinds = [rng.choice(options.kinds) for _ in range(options.rounds)]
    with tempfile.TemporaryDirectory(prefix="keyledger-chaos-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            return _chaos(postgres, valkey, folder, kinds, options.seed)


def _chaos(postgres: PostgreSQL, valkey: Valkey, folder: Path, kinds: list[str], seed: int) -> int:
    asyncio.run(migrate_with_runtime_login(postgres.url))
    began = time.monotonic()
    with Kills(postgres, postgres.url, valkey.url, folder) as kills:
        promises = kills.rounds(kinds, seed, lambda line: print(line, flush=True))
    print(
        f"{len(kinds)} rounds in {time.monotonic() - began:.0f} s: {len(promises.uses)} uses and "
        f"{len(promises.changes)} changes acknowledged, {promises.lost_answers} without an answer, "
        f"{promises.refusals} refused, {promises.replays} answered again under their Idempotency-Key"
    )
    problems = kills.broken(promises)
    for problem in problems[:50]:
        print(problem)
    print(f"{len(problems)} promises broken" if problems else "every promise kept, and the log is sound")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
