"""`python -m benchmarks.worker_chaos`: kill the processes behind the API under a load of uses, for a minute.

Runs the rounds of `tests/stories/test_workers_are_killed.py`: workers, schedulers, Valkey with and without its data.
Afterwards the counts must match the log. Each alert that follows from the log (expiring keys, quotas, anomalies) must
have been raised once. Webhooks with a randomly failing receiver must have delivered everything, each event with one id,
and owners must have received their mails.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from functools import partial
from pathlib import Path

from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.database.connections import WORKER_ROLE, pool
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts
from tests.stories.worker_kills import KINDS, Background, kill_under_load
from tests.workers.mail_server import mail_server

_ROUND_SECONDS = 1.2
"""The approximate duration of one round."""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.worker_chaos", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="about how long (default 60)")
    parser.add_argument("--rate", type=int, default=2_000, help="uses a second (default 2000)")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 2**32, help="of an earlier run, to repeat it")
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS, help="what is killed (default: all)")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="keyledger-chaos-") as name:
        folder = Path(name)
        with PostgreSQL(folder / "postgresql") as postgres, Valkey(folder / "valkey") as valkey:
            asyncio.run(_chaos(postgres.url, valkey, folder, options))
    return 0


async def _chaos(url: str, valkey: Valkey, folder: Path, options: argparse.Namespace) -> None:
    await migrate(url, scripts())
    rng = random.Random(options.seed)  # noqa: S311 -- no secret
    kinds = [rng.choice(options.kinds) for _ in range(round(options.seconds / _ROUND_SECONDS))]
    began = time.monotonic()
    with mail_server() as mails:
        settings = {"DATABASE_URL": url, "SMTP_URL": f"smtp://127.0.0.1:{mails.port}"}
        with Background(valkey, settings, folder / "background.log") as background:
            async with pool(url, role=WORKER_ROLE) as connections:
                due = await kill_under_load(
                    connections, url, background, mails, kinds, rng, rate=options.rate, say=partial(print, flush=True)
                )
    alerts = Counter(kind for kind, *_ in due.must)
    print(
        f"{len(kinds)} rounds in {time.monotonic() - began:.0f} s: {due.uses:,} uses counted once, "
        f"{len(due.expiring)} keys expired once each; expected alerts, once each: "
        f"{', '.join(f'{times} {kind}' for kind, times in sorted(alerts.items()))}; "
        f"a webhook receiver that fails at random accepted {due.delivered} events in {due.sent} attempts, one id each, "
        f"and {due.mailed} mails arrived"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
