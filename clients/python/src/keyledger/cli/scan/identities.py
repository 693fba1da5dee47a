"""Owners of the keys that were found, from the service. It receives only the digests of the keys."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct

from keyledger.clients import Keyledger
from keyledger.errors import KeyledgerError, NotFound
from keyledger.models.keys import IdentifiedKey, KeyDetail
from keyledger.secret import Secret

OFFLINE: Final = "not asked, because of --offline"
UNKNOWN: Final = "not a key of your organization that you can see; it may be of another organization or installation"
ASKED_MAX: Final = 100
"""A scan of many keys must not use up the rate limit of the organization, or fill its audit log."""

NOT_ASKED: Final = f"not asked, because a scan asks about {ASKED_MAX} keys at most"


class Identity(Struct, frozen=True):
    """The answer about one secret. `works` None: unknown. `explanation`: the reason for a missing field.

    `is_replaced`: a rotation has replaced the secret.
    """

    key_id: str | None = None
    key_name: str | None = None
    status: str | None = None
    works: bool | None = None
    is_replaced: bool = False
    last_used: datetime | None = None
    explanation: str = ""

    @property
    def remedy(self) -> str | None:
        """Return the command that stops the secret, or None if there is none or it is not needed."""
        if self.key_id is None or self.status not in ("active", "disabled") or (self.is_replaced and not self.works):
            return None
        if self.is_replaced:
            return f"keyledger keys end-secrets {self.key_id}"
        return f"keyledger keys revoke {self.key_id} --reason compromised"


def identities_of(client: Keyledger, secrets: Collection[Secret]) -> dict[Secret, Identity]:
    """Return what the service says about each secret, in one request each, and one more for each key.

    If the service does not answer, its error is the explanation. Secrets that it is not asked about are returned too.
    """
    found: dict[Secret, Identity] = {}
    failure: KeyledgerError | None = None
    for number, secret in enumerate(secrets):
        if number >= ASKED_MAX:
            found[secret] = Identity(explanation=NOT_ASKED)
            continue
        if failure is None:
            try:
                found[secret] = _identity_of(client, secret)
            except KeyledgerError as error:
                failure = error
        if failure is not None:
            found[secret] = Identity(explanation=f"unknown: {failure}")
    return found


def _identity_of(client: Keyledger, secret: Secret) -> Identity:
    key = client.keys.identify(secret).key
    if key is None:
        return Identity(explanation=UNKNOWN)
    try:
        detail = client.keys.get(key.id)
    except NotFound:  # its creator was removed in the meantime
        return _identity(key, None)
    return _identity(key, detail)


def _identity(key: IdentifiedKey, detail: KeyDetail | None) -> Identity:
    return Identity(
        key_id=key.id,
        key_name=key.name,
        status=key.status,
        works=_works(key, detail),
        is_replaced=not key.is_current,
        last_used=None if detail is None else detail.last_used,
    )


def _works(key: IdentifiedKey, detail: KeyDetail | None) -> bool | None:
    if key.status != "active":
        return False
    if key.is_current:
        return True
    if detail is None:
        return None
    earlier = [secret for secret in detail.secrets if secret.version == key.secret_version]
    # A secret that the key no longer lists has ended long ago.
    return any(secret.valid_until is None or secret.valid_until > datetime.now(UTC) for secret in earlier)
