"""The state of an identification. It never changes."""

from datetime import datetime

from msgspec import Struct


class Identification(Struct, frozen=True):
    id: str
    organization_id: str
    key_id: str
    secret_version: int
    identified_at: datetime


IdentificationState = Identification | None
