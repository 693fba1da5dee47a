"""Names of the users, keys, operators and parts of Keyledger that did something."""

from app.api.audit.schemas import AuditActor
from app.api.schemas import Actor, Creator
from app.pages.wording.words import ACTORS_WITHOUT_NAME
from domain.actor import GITHUB, OPERATOR


def actor_name(actor: Actor | AuditActor | Creator) -> str:
    """Return the name of an actor, or words for one whose name was erased or is not shown to the visitor."""
    if actor.type == "system" and actor.id in (OPERATOR.id, GITHUB.id):
        return ACTORS_WITHOUT_NAME[actor.id]
    return actor.name or ACTORS_WITHOUT_NAME[actor.type or "user"]


def actor_at_start(actor: Actor | AuditActor | Creator) -> str:
    """Return the name of an actor at the start of a sentence. Addresses and names of keys stay as they are."""
    name = actor_name(actor)
    return name if actor.name else name[0].upper() + name[1:]
