"""Delivery of one mail to a mail server or a file."""

import os
import smtplib
import ssl
from contextlib import suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from typing import assert_never

from infrastructure.setting_values import MailFile, MailTransport, Smtp
from projections.outboxes.mail.outbox import Mail

TIMEOUT_SECONDS = 5.0
"""The limit for each step with the mail server. Other mails wait while one is sent."""

_PERMANENT = range(500, 600)


class NotDelivered(Exception):
    """A failed delivery.

    `reason` contains no address. `retryable`: a later attempt may succeed. `transport_down`: no mail can be delivered.
    """

    def __init__(self, reason: str, *, retryable: bool, transport_down: bool) -> None:
        self.reason = reason
        self.retryable = retryable
        self.transport_down = transport_down
        super().__init__(reason)


def send(transport: MailTransport, mail_id: str, mail: Mail, at: datetime) -> None:
    """Hand `mail` over. Raises `NotDelivered`; otherwise the server has accepted the mail."""
    match transport:
        case Smtp():
            _by_smtp(transport, _message(transport, mail_id, mail, at))
        case MailFile():
            _into_file(transport, mail, at)
        case _:
            assert_never(transport)


def _message(smtp: Smtp, mail_id: str, mail: Mail, at: datetime) -> EmailMessage:
    message = EmailMessage()
    message["From"] = smtp.sender
    message["To"] = mail.to
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(at)
    # The same id at each attempt, so that a mailbox can recognize a duplicate.
    message["Message-ID"] = f"<{mail_id}@{parseaddr(smtp.sender)[1].rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if mail.settings_url is not None:
        message["List-Unsubscribe"] = f"<{mail.settings_url}>"  # RFC 2369; the page requires a signed-in user
    message.set_content(mail.text)
    return message


def _by_smtp(smtp: Smtp, message: EmailMessage) -> None:
    try:
        with _connected(smtp) as server:
            if smtp.user:
                server.login(smtp.user, smtp.password)
            server.send_message(message)
    except smtplib.SMTPRecipientsRefused as error:
        codes = [code for code, _ in error.recipients.values()]
        raise NotDelivered(
            f"recipient refused {codes}", retryable=not all(c in _PERMANENT for c in codes), transport_down=False
        ) from None
    except smtplib.SMTPDataError as error:
        retryable = error.smtp_code not in _PERMANENT
        raise NotDelivered(f"mail refused {error.smtp_code}", retryable=retryable, transport_down=False) from None
    except (smtplib.SMTPNotSupportedError, ValueError) as error:
        # An address that this server does not support, such as one with non-ASCII letters.
        raise NotDelivered(type(error).__name__, retryable=False, transport_down=False) from None
    except (smtplib.SMTPException, OSError) as error:
        raise NotDelivered(type(error).__name__, retryable=True, transport_down=True) from None


def _connected(smtp: Smtp) -> smtplib.SMTP:
    tls = ssl.create_default_context()
    if smtp.implicit_tls:
        return smtplib.SMTP_SSL(smtp.host, smtp.port, timeout=TIMEOUT_SECONDS, context=tls)
    server = smtplib.SMTP(smtp.host, smtp.port, timeout=TIMEOUT_SECONDS)
    if smtp.starttls:
        try:
            server.starttls(context=tls)
        except Exception as error:
            # Nothing secret was sent before the failure, and nothing will be sent.
            with suppress(smtplib.SMTPException, OSError):
                server.close()
            raise smtplib.SMTPException("no TLS") from error
    return server


def _into_file(file: MailFile, mail: Mail, at: datetime) -> None:
    text = f"--- {at.isoformat(timespec='seconds')}\nTo: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}\n"
    try:
        descriptor = os.open(file.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise NotDelivered(type(error).__name__, retryable=True, transport_down=True) from None
