"""The databases that the measured services share, with the same keys."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from benchmarks import hand_written_database
from benchmarks.limited import PLAN
from benchmarks.seeding import seed
from benchmarks.wrk import verify_script
from embedded.postgres import PostgreSQL
from embedded.valkey import Valkey
from infrastructure.database.migrate import migrate
from projections.engine.schema import scripts

_VERIFIED_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class Prepared:
    """The input of the services. `caller` may verify `keys`, and `script` sends these verifications in turn.

    `hand_written_url` is the database of the hand-written service.
    """

    postgres: PostgreSQL
    valkey: Valkey
    hand_written_url: str
    caller: str
    keys: list[str]
    script: Path
    folder: Path


def prepare(postgres: PostgreSQL, valkey: Valkey, folder: Path, keys: int) -> Prepared:
    """Create `keys` keys in both databases. At most 20,000 of them are verified."""
    asyncio.run(migrate(postgres.url, scripts()))
    caller, secrets = asyncio.run(seed(postgres.url, keys, PLAN))
    revealed = [secret.reveal() for secret in secrets]
    url = hand_written_database.create(postgres, revealed)
    verified = revealed[:: max(1, keys // _VERIFIED_KEYS)]
    script = verify_script(folder, caller.reveal(), verified)
    return Prepared(postgres, valkey, url, caller.reveal(), verified, script, folder)
