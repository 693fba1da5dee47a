"""`python -m benchmarks.hostile --minutes N`: hostile clients, pauses and kills on a busy machine.

Clients hang up, stall, never read the response, or all rotate the same key concurrently. Meanwhile PostgreSQL and
Valkey are paused, connections are terminated, backends and API processes are killed, and locks are held. Busy loops
load the machine. Afterwards no request was answered with 500, readiness did not contradict the callers' results for
long, the log contains every acknowledged request exactly once, and `python -m eventstore check` finds no error.
"""

import argparse
import asyncio
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from embedded.postgres import DATABASE, SUPERUSER, PostgreSQL
from embedded.valkey import Valkey
from tests.logins import migrate_with_runtime_login
from tests.stories.acknowledged import Promises
from tests.stories.hostile import Findings
from tests.stories.kills import Kills


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hostile", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30, help="how long it lasts (default 30)")
    parser.add_argument("--busy", type=int, default=8, help="processes that keep the machine busy (default 8)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of an earlier run, to repeat it")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-hostile-") as name, _busy(options.busy):
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            asyncio.run(migrate_with_runtime_login(postgres.url))
            with Kills(postgres, postgres.url, valkey.url, folder) as kills:
                superuser = postgres.url_of(DATABASE, SUPERUSER)
                promises, findings = kills.hostile(
                    valkey, superuser, 60 * options.minutes, options.seed, lambda line: print(_loaded(line), flush=True)
                )
            return _report(promises, findings, kills.broken(promises))


def _report(promises: Promises, findings: Findings, broken: list[str]) -> int:
    print(
        f"{len(promises.uses)} uses and {len(promises.changes)} changes acknowledged to honest callers, "
        f"{promises.lost_answers} without an answer, {promises.refusals} refused; hostile clients: "
        f"{dict(sorted(findings.statuses.items()))}, {findings.abandoned} abandoned; {dict(findings.disturbances)}"
    )
    problems = [*findings.internal_errors, *findings.contradictions, *broken]
    for problem in problems[:50]:
        print(problem)
    print(f"{len(problems)} problems" if problems else "no 500, readiness was truthful, and the log is sound")
    return 1 if problems else 0


def _loaded(line: str) -> str:
    return f"load {os.getloadavg()[0]:.1f}: {line}"


@contextmanager
def _busy(processes: int) -> Generator[None]:
    running = [multiprocessing.Process(target=_spin, daemon=True) for _ in range(processes)]
    for process in running:
        process.start()
    try:
        yield
    finally:
        for process in running:
            process.terminate()
            process.join()


def _spin() -> None:
    while True:
        pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
