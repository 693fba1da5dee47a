"""How mails leave: by SMTP, or into a file where nobody has a mail server, as in `make run`."""

from dataclasses import dataclass, field
from email.utils import parseaddr
from ipaddress import ip_address
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Smtp:
    """`implicit_tls`: from the first byte (RFC 8314). `starttls`: required, before anything else is said (RFC 3207)."""

    host: str
    port: int
    implicit_tls: bool
    starttls: bool
    user: str = field(repr=False)
    password: str = field(repr=False)
    sender: str

    @classmethod
    def parse(cls, url: str, sender: str) -> Self:
        """From `smtp://user:password@host:587` or `smtps://…`. ValueError says what is wrong, without the password."""
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname or parts.path not in {"", "/"}:
            raise ValueError("must be an address such as smtp://user:password@host:587 or smtps://host")
        if "@" not in parseaddr(sender)[1]:
            raise ValueError("needs MAIL_FROM, the address that mails come from, such as Keyledger <keys@example.com>")
        wanted = parse_qs(parts.query).get("starttls", ["no" if _is_loopback(parts.hostname) else "yes"])[-1]
        if wanted not in {"yes", "no"}:
            raise ValueError("has a starttls that is neither yes nor no")
        return cls(
            host=parts.hostname,
            port=parts.port or _PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp" and wanted == "yes",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )


@dataclass(frozen=True, slots=True)
class MailFile:
    """Mails are appended to `path`, readable by its owner alone: each may hold a link that lets somebody in."""

    path: Path


Way = Smtp | MailFile


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
