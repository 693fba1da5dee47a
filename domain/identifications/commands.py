"""The command that records an identification."""

from datetime import datetime

from msgspec import Struct


class RecordIdentification(Struct, frozen=True):
    identification_id: str
    organization_id: str
    key_id: str
    secret_version: int
    at: datetime


IdentificationCommand = RecordIdentification
