"""Recorded events: the fact, and where, when and by whom it was recorded."""

from datetime import datetime
from typing import Generic, TypeVar

from msgspec import Raw, Struct

from domain.actor import Actor

E = TypeVar("E")


class Origin(Struct, frozen=True, omit_defaults=True):
    """The cause of an event. `ip` is the client's address, and `request_id` identifies the HTTP request."""

    actor: Actor
    ip: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


class Record(Struct, frozen=True):
    """The stored form of a lifecycle event. Its canonical bytes are what is hashed and proven.

    `schema` is the version of the type of `data`. `version` counts the events of the stream from 1. `previous` is the
    SHA-256 (hexadecimal) of the stream's previous record, and empty for the first one: a chain that an auditor can
    follow.
    """

    id: str
    type: str
    schema: int
    stream_id: str
    version: int
    organization_id: str
    occurred_at: datetime
    origin: Origin
    previous: str
    data: Raw


class Recorded(Struct, Generic[E], frozen=True):
    """An event that was read from the log: its position in the lane, its record, and the fact.

    `hash` is the SHA-256 (hexadecimal) of the stored bytes. `columns_agree`: the other columns of the row contain the
    same values as the bytes.
    """

    lane: int
    position: int
    record: Record
    event: E
    hash: str
    columns_agree: bool
