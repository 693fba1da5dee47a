"""The result of a verification."""

from datetime import datetime

from msgspec import Struct

from keyledger.models.permissions import Permissions


class Verification(Struct, frozen=True):
    """`valid`, with the reason in `code` ("valid" if valid). `event_id`: the id of the use in the log.

    Fields of a known key are present even if the key is denied.
    """

    valid: bool
    code: str
    key_id: str | None = None
    organization_id: str | None = None
    name: str | None = None
    environment: str | None = None
    permissions: Permissions | None = None
    expires_at: datetime | None = None
    revision: int | None = None
    event_id: str | None = None
    remaining: int | None = None
