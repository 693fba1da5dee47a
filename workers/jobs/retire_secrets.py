"""Every second: a secret whose overlap is over is recorded as retired. It is refused from that instant on already."""

from domain.actor import SystemActor
from domain.keys.commands import RetireSecrets
from eventstore.database import Pool
from projections.key_list.queries import secrets_ending
from workers.due_keys import Duty, commanding, see_to
from workers.run import run

ACTOR = SystemActor("retirement")
RETIREMENT = Duty(actor=ACTOR, due=secrets_ending, step=commanding(ACTOR, RetireSecrets))


def retire_secrets() -> None:
    run(retire)


async def retire(pool: Pool) -> None:
    await see_to(pool, RETIREMENT)
