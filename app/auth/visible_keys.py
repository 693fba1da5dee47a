"""Which keys exist for a caller: the one rule that every route follows that says anything about a key.

A person sees the keys that their role sees: all of them, those that they created, or none. A key sees what the person
it comes of sees at the instant of the request, however many keys lie between the two. So it shows nothing to someone
whose role shows less, and nothing at all after its creator was removed. A key that an operator made sees all keys.
"""

from msgspec import Struct

from domain.actor import UserActor
from domain.keys.state import Key
from domain.members.events import Role
from domain.members.roles import keys_seen


class VisibleKeys(Struct, frozen=True):
    """`created_by`: the person whose own keys these are, empty for no key at all; None: every key."""

    created_by: str | None

    def includes(self, key: Key) -> bool:
        return self.created_by is None or key.created_by == UserActor(self.created_by)


ALL_KEYS = VisibleKeys(None)
NO_KEYS = VisibleKeys("")


def visible_to(role: Role, user_id: str) -> VisibleKeys:
    match keys_seen(role):
        case "all":
            return ALL_KEYS
        case "own":
            return VisibleKeys(user_id)
        case "none":
            return NO_KEYS
