"""Key visibility: one rule for every route that returns or changes a key.

A user sees the keys that their role allows: all of them, those that they created, or none. A key sees what the user
behind it can see at the time of the request, however many keys lie in between. It therefore never reveals more than the
user's role allows, and reveals nothing after its creator was removed. A key that an operator created sees all keys.
"""

from msgspec import Struct

from domain.actor import UserActor
from domain.keys.state import Key
from domain.members.events import Role
from domain.members.roles import keys_seen


class VisibleKeys(Struct, frozen=True):
    """`created_by`: the user whose own keys are visible. An empty id means no key, None means every key."""

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
