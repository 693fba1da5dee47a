"""Whatever is killed behind the API, everything is counted, told and sent: once in the log, at least once outside."""

import random
import sys
from pathlib import Path

import pytest

from embedded.valkey import Valkey
from eventstore.database import Pool
from tests.app.remains import secrets_in
from tests.stories.worker_kills import KINDS, Background, under_fire

pytestmark = pytest.mark.anyio

ROUNDS_EACH = 2
USES_A_SECOND = 500
"""A suite shares its two cores; `python -m benchmarks.worker_chaos` does it at 2,000 for a minute."""


async def test_everything_is_counted_and_told_once_whatever_is_killed(
    connections: Pool, valkey: Valkey, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    seed = random.randrange(sys.maxsize)  # noqa: S311 -- no secret
    sys.stdout.write(f"seed {seed}\n")  # shown when it fails, like the rounds
    dice = random.Random(seed)  # noqa: S311 -- likewise
    kinds = list(KINDS) * ROUNDS_EACH
    dice.shuffle(kinds)
    with Background(valkey, {"DATABASE_URL": database_url}, tmp_path / "background.log") as background:
        due = await under_fire(connections, background, kinds, dice, rate=USES_A_SECOND, say=_say, hurried=True)
    # It was no quiet day.
    assert due.uses > 50 * len(kinds)
    assert len(due.ending) == len(kinds)
    # Two keys a round were made, one of them expired, and somebody was told of the other.
    assert due.told == 4 * len(kinds)
    assert due.sent > due.told, "none failed"
    assert secrets_in((tmp_path / "background.log").read_bytes()) == []


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
