"""Who caused an event. Only ids: names and addresses belong to read models, where they can be erased."""

from msgspec import Struct


class UserActor(Struct, frozen=True, tag_field="type", tag="user"):
    id: str


class KeyActor(Struct, frozen=True, tag_field="type", tag="api_key"):
    id: str


class SystemActor(Struct, frozen=True, tag_field="type", tag="system"):
    """A part of Keyledger itself: the id is its name, such as `expiry`."""

    id: str


EXPIRY = SystemActor("expiry")
"""Who records that the instant of a key's expiry has passed."""

Actor = UserActor | KeyActor | SystemActor
