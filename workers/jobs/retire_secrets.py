"""Job, every second: record the retirement of secrets whose overlap ended or whose successor was used.

The secret has been refused since that instant. A retirement that follows from a use is recorded a minute later, because
it raises the revision of the key: a request that the key makes with its new secret relies on that revision until it is
done.
"""

from datetime import datetime, timedelta

from domain.actor import RETIREMENT
from domain.keys.commands import RetireSecrets
from infrastructure.clock import now
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.statements import Statement
from infrastructure.settings import Settings
from projections.read_models.keys.list.queries import SQL, UsedSecret, secrets_ending, secrets_superseded
from workers.due_keys import DueKeyTask, Worker, command_step, process_due
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job_with_config

SECRETS_ENDING = DueKeyTask(actor=RETIREMENT, due=secrets_ending, step=command_step(RETIREMENT, RetireSecrets))


SETTLE_AFTER = timedelta(minutes=1)
"""The time between the first use of a new secret and the retirement of the previous one.

It is longer than a request lasts.
"""


async def _superseded(connection: Connection, at: datetime, limit: int) -> list[UsedSecret]:
    return await secrets_superseded(connection, at - SETTLE_AFTER, limit)


async def _supersede(worker: Worker, used: UsedSecret) -> bool:
    """Retire the secrets before the one that was used. The same transaction clears the note of that use."""
    at = now()
    settled = Statement(SQL.superseded_settled, (used.key_id, used.version))
    await worker.run(used, RetireSecrets(at, used.version, used.used_at), RETIREMENT, at, settled)
    return True


SUPERSEDED = DueKeyTask(actor=RETIREMENT, due=_superseded, step=_supersede)


def retire_secrets() -> None:
    run_job_with_config(retire)


JOB = Job(retire_secrets, every=1)


async def retire(pool: Pool, config: Settings) -> None:
    worker = Worker(pool, config.plans)
    await process_due(worker, SUPERSEDED, WORK_SECONDS / 2)
    await process_due(worker, SECRETS_ENDING, WORK_SECONDS / 2)
