"""Every second: what has expired is recorded as expired. A key is refused from its instant on, event or no event."""

from domain.actor import EXPIRY as ACTOR
from domain.keys.commands import ExpireKey
from eventstore.database import Pool
from projections.key_list.queries import expiring
from workers.due_keys import Duty, commanding, see_to
from workers.run import run

EXPIRY = Duty(actor=ACTOR, due=expiring, step=commanding(ACTOR, ExpireKey))


def expire_keys() -> None:
    run(expire)


async def expire(pool: Pool) -> None:
    await see_to(pool, EXPIRY)
