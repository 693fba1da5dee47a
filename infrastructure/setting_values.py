"""Parsers of settings. Each takes the text of an environment variable and raises ValueError if the text is not valid.

The messages contain what to write instead. They repeat no text that may contain a password.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.utils import parseaddr
from pathlib import Path
from typing import Literal, Self, get_args
from urllib.parse import parse_qs, unquote, urlsplit

from redis.connection import parse_url  # pyright: ignore[reportUnknownVariableType]

from domain.networks import Network, is_loopback_host, parse_networks
from domain.plans.overrides import apply_overrides
from domain.plans.plan import Plans
from infrastructure.database.url import UNREADABLE, is_readable
from infrastructure.egress_policy import EgressPolicy
from infrastructure.geoip import country_lookup
from infrastructure.key_derivation import parse_master_keys

AccessLog = Literal["all", "notable", "none"]
"""Which requests are logged; see `app/http/access_log.py`."""

MAKE_A_MASTER_KEY = "Create one with: head -c 32 /dev/urandom | base64"
DATABASE_EXAMPLE = "Set it to the URL of the database, such as postgresql://user@host/name"
REDIS_EXAMPLE = "Set it to a URL such as redis://host:6379/0"

_SECONDS_MIN, _SECONDS_MAX = 0.05, 60.0
_SMTP_PORTS = {"smtp": 587, "smtps": 465}


@dataclass(frozen=True, slots=True)
class Smtp:
    """A mail server. `implicit_tls`: TLS from the first byte (RFC 8314). `starttls`: required first (RFC 3207)."""

    host: str
    port: int
    implicit_tls: bool
    starttls: bool
    user: str = field(repr=False)
    password: str = field(repr=False)
    sender: str = ""

    @classmethod
    def parse(cls, url: str, sender: str = "") -> Self:
        """Read `smtp://user:password@host:587` or `smtps://…`. The message of a ValueError omits the password."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:  # whose message may quote a part of the password
            parts, port = urlsplit(""), None
        if parts.scheme not in _SMTP_PORTS or not parts.hostname or parts.path not in {"", "/"} or parts.fragment:
            raise ValueError(
                "must be a URL such as smtp://user:password@host:587 or smtps://host. Percent-encode special characters"
                " in the password"
            )
        default = "no" if is_loopback_host(parts.hostname) else "yes"
        starttls = parse_qs(parts.query).get("starttls", [default])[-1]
        if starttls not in {"yes", "no"}:
            raise ValueError("has a starttls parameter that is neither yes nor no")
        return cls(
            host=parts.hostname,
            port=port or _SMTP_PORTS[parts.scheme],
            implicit_tls=parts.scheme == "smtps",
            starttls=parts.scheme == "smtp" and starttls == "yes",
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            sender=sender,
        )

    def with_sender(self, sender: str) -> Self:
        return replace(self, sender=sender)


@dataclass(frozen=True, slots=True)
class MailFile:
    """A file to which mails are appended. Only its owner may read it, because mails contain sign-in links."""

    path: Path


MailTransport = Smtp | MailFile
Parser = Callable[[str], object]


def text(value: str) -> str:
    return value


def postgres_url(value: str) -> str:
    if not is_readable(value):
        raise ValueError(UNREADABLE)
    return value


def redis_url(value: str) -> str:
    try:
        parse_url(value)
    except ValueError:  # whose message may quote a part of the password
        raise ValueError(
            "is not an address of Valkey or Redis, such as redis://:password@host:6379/0, with special characters of"
            " its password percent-encoded"
        ) from None
    return value


def public_url(value: str) -> str:
    url = value.rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ValueError(f"{error}. Write a URL such as https://keys.example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("must be an http or https URL such as https://keys.example.com")
    return url


def issuer(value: str) -> str:
    """Accept issuers as OpenID Connect Discovery 1.0 §2 defines them, and plain http on loopback for tests."""
    url = urlsplit(value)
    if not url.hostname or url.query or url.fragment:
        raise ValueError("must be a URL such as https://accounts.example.com")
    if url.scheme != "https" and not (url.scheme == "http" and is_loopback_host(url.hostname)):
        raise ValueError("must start with https://")
    return value


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if value.isascii() and value.isdigit() and least <= int(value) <= most:
            return int(value)
        raise ValueError(f"must be a whole number from {least} to {most}, not '{value}'")

    return parse


def days(value: str) -> timedelta:
    return timedelta(days=whole_number(1, 65_535)(value))


def seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        raise ValueError("must be a number of seconds, such as 1.5") from None
    if not _SECONDS_MIN <= number <= _SECONDS_MAX:
        raise ValueError(f"must be between {_SECONDS_MIN} and {_SECONDS_MAX} seconds")
    return number


def interval_or_never(least: int, most: int) -> Callable[[str], timedelta | None]:
    """Parse whole seconds; 0 means never."""

    def parse(value: str) -> timedelta | None:
        if value == "0":
            return None
        try:
            return timedelta(seconds=whole_number(least, most)(value))
        except ValueError:
            raise ValueError(f"must be a whole number from {least} to {most}, or 0 for never, not '{value}'") from None

    return parse


def switch(value: str) -> bool:
    if value.lower() not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value.lower() == "true"


def access_log(value: str) -> AccessLog:
    for known in get_args(AccessLog):
        if value == known:
            return known
    raise ValueError(f"must be one of {', '.join(get_args(AccessLog))}")


def master_keys(value: str) -> tuple[bytes, ...]:
    try:
        return parse_master_keys(value)
    except ValueError as error:
        raise ValueError(f"{error}. {MAKE_A_MASTER_KEY}") from None


def networks(value: str) -> tuple[Network, ...]:
    return parse_networks(value)


def egress(value: str) -> EgressPolicy:
    return EgressPolicy.parse(value)


def plans(value: str) -> Plans:
    try:
        return apply_overrides(value)
    except ValueError as error:
        raise ValueError(f'{error}. Write JSON such as {{"free": {{"api_keys": 5, "mcps": null}}}}') from None


def geo_database(value: str) -> Path:
    path = Path(value)
    country_lookup(path)  # raises GeoDatabaseUnusable
    return path


def file(value: str) -> Path:
    return Path(value)


def mail_address(value: str) -> str:
    if "@" not in parseaddr(value)[1]:
        raise ValueError("must be the address that mails come from, such as Keyledger <keys@example.com>")
    return value


def absolute_folder(value: str) -> Path:
    if not Path(value).is_absolute():
        raise ValueError(f"must be the absolute path of a folder, not '{value}'")
    return Path(value)
