"""Names of the users, keys and parts of Keyledger that did something."""

from app.api.audit.schemas import AuditActor
from app.api.schemas import Actor, Creator
from app.pages.words import ACTORS_WITHOUT_NAME


def actor_name(actor: Actor | AuditActor | Creator) -> str:
    """Return the name of an actor, or words for one whose name was erased or is not shown to the visitor."""
    return actor.name or ACTORS_WITHOUT_NAME[actor.type or "user"]
