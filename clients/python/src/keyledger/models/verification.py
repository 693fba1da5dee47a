"""The answer to: may this key do this?"""

from datetime import datetime

from msgspec import Struct

from keyledger.models.permissions import Permissions


class Verification(Struct, frozen=True):
    """`valid`, and `code` that says why not ("valid" if so). `event_id`: the use, as it stands in the log.

    What is known about the key is there also when it is refused, unless it is unknown.
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
