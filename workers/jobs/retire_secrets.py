"""Every second: a secret whose overlap is over, or whose successor was used, is recorded as retired.

It has been refused from that instant on already. The end that a use brought is recorded a while later: it raises the
revision of the key, and a request that the key makes with its new secret relies on that revision until it is done.
"""

from datetime import datetime, timedelta

from domain.actor import SystemActor
from domain.keys.commands import RetireSecrets
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.statements import Statement
from projections.read_models.keys.list.queries import SQL, UsedSecret, secrets_ending, secrets_superseded
from workers.due_keys import DueKeyTask, command_step, process_due, run_key_command
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job

ACTOR = SystemActor("retirement")
RETIREMENT = DueKeyTask(actor=ACTOR, due=secrets_ending, step=command_step(ACTOR, RetireSecrets))


SETTLE_AFTER = timedelta(minutes=1)
"""From the first use of a new secret to the record of what it ended: longer than a request lasts."""


async def _superseded(connection: Connection, at: datetime, limit: int) -> list[UsedSecret]:
    return await secrets_superseded(connection, at - SETTLE_AFTER, limit)


async def _supersede(pool: Pool, used: UsedSecret) -> bool:
    """Record the end of the secrets before the one that was used. The note of that use goes in the same transaction."""
    at = now()
    settled = Statement(SQL.superseded_settled, (used.key_id, used.version))
    await run_key_command(pool, used, RetireSecrets(at, used.version, used.used_at), ACTOR, at, [settled])
    return True


SUPERSEDED = DueKeyTask(actor=ACTOR, due=_superseded, step=_supersede)


def retire_secrets() -> None:
    run_job(retire)


JOB = Job(retire_secrets, every=1)


async def retire(pool: Pool) -> None:
    await process_due(pool, SUPERSEDED, WORK_SECONDS / 2)
    await process_due(pool, RETIREMENT, WORK_SECONDS / 2)
