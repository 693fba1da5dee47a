"""The mails in a server's outbox, decrypted with its key."""

import base64
import re

from infrastructure.encryption import Sealer
from projections.outboxes.mail.outbox import Mail, Waiting
from tests.app.organizations import Api


def mails_to(api: Api, address: str) -> list[Mail]:
    """Return the mails to this exact address, oldest first."""
    sealer = Sealer([base64.b64decode(api.server.master_key)])
    rows = api.database.rows(
        "select mail_id, sealed, expires_at, attempts from mail_outbox where sealed is not null order by mail_id"
    )
    opened = [Waiting(row[0], bytes(row[1]), row[2], row[3]).opened(sealer) for row in rows]
    return [mail for mail in opened if mail.to == address]


def token_in(text: str) -> str:
    """Return the token of the only link in a mail."""
    (token,) = re.findall(r"\?token=(\S+)", text)
    return str(token)
