"""After kills of workers, schedulers and Valkey, uses, alerts, webhooks and mails are complete and not duplicated."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from embedded.valkey import Valkey
from infrastructure.database.connections import Pool
from tests.app.leak_scan import secrets_in
from tests.random_input import random_seed
from tests.stories.worker_kills import KINDS, Background, kill_under_load
from tests.workers.mail_server import mail_server

pytestmark = pytest.mark.anyio

ROUNDS_EACH = 2
USES_A_SECOND = 500
"""Low, because tests share the machine. `python -m benchmarks.worker_chaos` writes 2,000 per second for a minute."""


async def test_uses_are_counted_and_alerts_are_raised_exactly_once_despite_kills(
    connections: Pool, valkey: Valkey, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    seed = random_seed()
    dice = random.Random(seed)  # noqa: S311 -- no secret
    kinds = list(KINDS) * ROUNDS_EACH
    dice.shuffle(kinds)
    with mail_server() as mails:
        settings = {"DATABASE_URL": database_url, "SMTP_URL": f"smtp://127.0.0.1:{mails.port}"}
        with Background(valkey, settings, tmp_path / "background.log") as background:
            due = await kill_under_load(
                connections, database_url, background, mails, kinds, dice, rate=USES_A_SECOND, say=_say, hurried=True
            )
    # The load was high enough.
    assert due.uses > 50 * len(kinds)
    alerts = Counter(kind for kind, *_ in due.must)
    assert alerts["api_key.expiring"] == len(kinds)
    assert alerts["api_key.denied_burst"] == 3 * len(kinds), "a revoked secret, a burst of refusals, unknown keys"
    assert alerts["usage.threshold"] == len(kinds)
    assert {stage for kind, *_, stage in due.must if kind == "usage.threshold"} == {80, 95, 100}
    # The other events are new keys and owners, and an expired key.
    assert due.delivered >= len(due.must) + 4 * len(kinds)
    assert due.sent > due.delivered, "no delivery failed"
    assert due.mailed > len(kinds) / 2
    assert secrets_in((tmp_path / "background.log").read_bytes()) == []


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
