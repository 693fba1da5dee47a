"""Whatever is killed behind the API, everything is counted, told and sent: once in the log, at least once outside."""

import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from embedded.valkey import Valkey
from infrastructure.database.connections import Pool
from tests.app.leak_scan import secrets_in
from tests.random_input import random_seed
from tests.stories.worker_kills import KINDS, Background, under_fire
from tests.workers.mail_server import mail_server

pytestmark = pytest.mark.anyio

ROUNDS_EACH = 2
USES_A_SECOND = 500
"""A suite shares its two cores; `python -m benchmarks.worker_chaos` does it at 2,000 for a minute."""


async def test_everything_is_counted_and_told_once_whatever_is_killed(
    connections: Pool, valkey: Valkey, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    seed = random_seed()
    dice = random.Random(seed)  # noqa: S311 -- no secret
    kinds = list(KINDS) * ROUNDS_EACH
    dice.shuffle(kinds)
    with mail_server() as mails:
        settings = {"DATABASE_URL": database_url, "SMTP_URL": f"smtp://127.0.0.1:{mails.port}"}
        with Background(valkey, settings, tmp_path / "background.log") as background:
            due = await under_fire(
                connections, database_url, background, mails, kinds, dice, rate=USES_A_SECOND, say=_say, hurried=True
            )
    # It was no quiet day.
    assert due.uses > 50 * len(kinds)
    alerts = Counter(kind for kind, *_ in due.must)
    assert alerts["api_key.expiring"] == len(kinds)
    assert alerts["api_key.denied_burst"] == 3 * len(kinds), "a secret that is over, a burst, unknown keys"
    assert alerts["usage.threshold"] == len(kinds)
    assert {stage for kind, *_, stage in due.must if kind == "usage.threshold"} == {80, 95, 100}
    # Keys and owners besides, and that a key has expired.
    assert due.told >= len(due.must) + 4 * len(kinds)
    assert due.sent > due.told, "none failed"
    assert due.mailed > len(kinds) / 2
    assert secrets_in((tmp_path / "background.log").read_bytes()) == []


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
