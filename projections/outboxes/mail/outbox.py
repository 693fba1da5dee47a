"""The outbox of mails: routes and jobs add mails, and a worker delivers each at least once."""

from datetime import datetime
from typing import NamedTuple, Protocol

import msgspec
from msgspec import Struct

from infrastructure.database.connections import Connection
from infrastructure.database.statements import Statement, load

_PURPOSE = "mail"


class Queries(NamedTuple):
    mail_add: bytes
    mail_add_for_link: bytes
    mail_claim: bytes
    mail_later: bytes
    mail_erase: bytes
    mail_withdraw: bytes
    mails_erase: bytes
    mail_forget: bytes


SQL = load(Queries, __file__)


class Seals(Protocol):
    """Encrypts mails while they wait: `infrastructure.encryption.Sealer`."""

    def seal(self, plaintext: bytes, *, purpose: str, bound_to: str) -> bytes: ...
    def open(self, sealed: bytes, *, purpose: str, bound_to: str) -> bytes: ...


class Mail(Struct, frozen=True):
    """A plain-text mail to one address. `settings_url`: where the recipient can unsubscribe from such mails."""

    to: str
    subject: str
    text: str
    settings_url: str | None = None


class Waiting(NamedTuple):
    """A mail that was claimed for one attempt, the `attempts`-th."""

    mail_id: str
    sealed: bytes
    expires_at: datetime
    attempts: int

    def opened(self, sealer: Seals) -> Mail:
        return msgspec.json.decode(sealer.open(self.sealed, purpose=_PURPOSE, bound_to=self.mail_id), type=Mail)


def mail_add(
    sealer: Seals,
    mail_id: str,
    mail: Mail,
    *,
    at: datetime,
    expires_at: datetime,
    effect: str | None = None,
    organization_id: str | None = None,
    is_about_deletion: bool = False,
) -> Statement:
    """Put `mail` into the outbox. It is not sent after `expires_at`, and only once for each `effect` that is given.

    `organization_id`: the mail is not sent while this organization is deleted, unless it is about the deletion.
    """
    sealed = _sealed(sealer, mail_id, mail)
    row = (mail_id, organization_id, is_about_deletion, effect, sealed, at, at, expires_at)
    return Statement(SQL.mail_add, row)


def mail_add_for_link(
    sealer: Seals, mail_id: str, mail: Mail, *, at: datetime, expires_at: datetime, link_digest: bytes
) -> Statement:
    """Put `mail` into the outbox only if a sign-in link with that digest exists. Nothing reveals whether it does."""
    sealed = _sealed(sealer, mail_id, mail)
    return Statement(SQL.mail_add_for_link, (mail_id, sealed, at, at, expires_at, link_digest))


async def claim(connection: Connection, at: datetime, next_at: datetime, count: int) -> list[Waiting]:
    """Return the mails that are due at `at`. If a worker claims one and dies, another may claim it after `next_at`."""
    cursor = await connection.execute(SQL.mail_claim, {"next_at": next_at, "at": at, "limit": count})
    return [Waiting(row[0], bytes(row[1]), row[2], row[3]) for row in await cursor.fetchall()]


def _sealed(sealer: Seals, mail_id: str, mail: Mail) -> bytes:
    return sealer.seal(msgspec.json.encode(mail), purpose=_PURPOSE, bound_to=mail_id)
