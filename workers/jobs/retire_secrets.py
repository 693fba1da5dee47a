"""Every second: a secret whose overlap is over, or whose successor was used, is recorded as retired.

It has been refused from that instant on already. The end that a use brought is recorded a while later: it raises the
revision of the key, and a request that the key makes with its new secret relies on that revision until it is done.
"""

from datetime import datetime, timedelta

from domain.actor import SystemActor
from domain.keys.commands import RetireSecrets
from eventstore.clock import now
from eventstore.database import Connection, Pool
from eventstore.statements import Statement
from projections.key_list.queries import SQL, UsedSecret, secrets_ending, secrets_superseded
from workers.due_keys import Duty, commanding, give, see_to
from workers.run import WORK_SECONDS, run

ACTOR = SystemActor("retirement")
RETIREMENT = Duty(actor=ACTOR, due=secrets_ending, step=commanding(ACTOR, RetireSecrets))


SETTLE_AFTER = timedelta(minutes=1)
"""From the first use of a new secret to the record of what it ended: longer than a request lasts."""


async def _superseded(connection: Connection, at: datetime, limit: int) -> list[UsedSecret]:
    return await secrets_superseded(connection, at - SETTLE_AFTER, limit)


async def _supersede(pool: Pool, used: UsedSecret) -> bool:
    """Record the end of the secrets before the one that was used. The note of that use goes in the same transaction."""
    at = now()
    settled = Statement(SQL.superseded_settled, (used.key_id, used.version))
    await give(pool, used, RetireSecrets(at, used.version, used.used_at), ACTOR, at, [settled])
    return True


SUPERSEDED = Duty(actor=ACTOR, due=_superseded, step=_supersede)


def retire_secrets() -> None:
    run(retire)


async def retire(pool: Pool) -> None:
    await see_to(pool, SUPERSEDED, WORK_SECONDS / 2)
    await see_to(pool, RETIREMENT, WORK_SECONDS / 2)
