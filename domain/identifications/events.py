"""The event of an identification: a caller asked whose secret has a digest, and was told.

The evolution rules in `domain/keys/events.py` apply here too. Each identification is a stream of its own. In the stream
of the key it would raise the key's revision, and a form that a person has open would be refused as out of date.
"""

from datetime import datetime

from msgspec import Struct


class KeyIdentified(Struct, frozen=True, tag_field="type", tag="api_key.identified"):
    """`secret_version`: which of the key's secrets it was. The digest is not recorded again."""

    identification_id: str
    organization_id: str
    key_id: str
    secret_version: int
    identified_at: datetime


IdentificationEvent = KeyIdentified
