"""The actor that caused an event. Actors are ids only: names and addresses belong to read models that can be erased."""

from msgspec import Struct


class UserActor(Struct, frozen=True, tag_field="type", tag="user"):
    id: str


class KeyActor(Struct, frozen=True, tag_field="type", tag="api_key"):
    id: str


class SystemActor(Struct, frozen=True, tag_field="type", tag="system"):
    """A part of Keyledger itself. The id is its name, such as `expiry`."""

    id: str


EXPIRY = SystemActor("expiry")
"""The actor that records that a key's expiry has passed."""

Actor = UserActor | KeyActor | SystemActor
