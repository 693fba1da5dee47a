"""Sessions of signed-in users: the cookie that contains the secret, and the lookup of the user behind it.

The secret has 256 random bits; the database stores only its SHA-256. Role and membership are read for every request, so
a removed member is refused immediately and a new role applies from the next request on.
"""

import base64
import os
from datetime import timedelta
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import urlsplit

from app.auth.bearer import presents_key
from app.auth.callers import PersonCaller
from app.http.messages import RawRequest
from app.services import Services
from domain.networks import is_loopback_host
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from infrastructure.settings import Settings
from projections.records.sessions import queries as sessions

SECRET_PREFIX = "ks_"  # noqa: S105 -- a prefix, which makes leaked session secrets recognizable
LINK_PREFIX = "kl_"
"""Prefix of the tokens in links."""

_SECRET_BYTES = 32
_SEEN_EVERY = timedelta(minutes=1)

_KEPT_MAX = timedelta(days=400)
"""The longest lifetime of a cookie that browsers allow (RFC 6265bis §5.5)."""


def new_secret(prefix: str) -> str:
    """Return a secret of 256 random bits: the prefix and 43 characters that never need escaping."""
    return prefix + base64.urlsafe_b64encode(os.urandom(_SECRET_BYTES)).rstrip(b"=").decode()


def digest_of(secret: str) -> bytes:
    return sha256(secret.encode()).digest()


def csrf_token(secret: str) -> str:
    """Return the token that proves that a page of this service made a request. It does not reveal the secret."""
    return base64.urlsafe_b64encode(sha256(b"keyledger csrf\n" + secret.encode()).digest()).rstrip(b"=").decode()


class Cookies(NamedTuple):
    """The cookies of this service. `secure` is off only for plain HTTP on loopback, as with `make run`.

    The prefix `__Host-` makes browsers refuse the name from every other host and over plain HTTP, so a sibling domain
    cannot plant a session (RFC 6265bis §4.1.3.2).
    """

    secure: bool

    def name(self, of: str) -> str:
        return f"__Host-keyledger_{of}" if self.secure else f"keyledger_{of}"

    def set(self, of: str, value: str, age: timedelta) -> str:
        """Return the value of a Set-Cookie header."""
        return f"{self.name(of)}={value}; Path=/; Max-Age={int(age.total_seconds())}; HttpOnly; SameSite=Lax" + (
            "; Secure" if self.secure else ""
        )

    def keep(self, of: str, value: str) -> str:
        """Return the value of a Set-Cookie header for a choice that the browser keeps as long as it can."""
        return self.set(of, value, _KEPT_MAX)

    def expire(self, of: str) -> str:
        return self.set(of, "", timedelta(0))

    def read(self, inbound: RawRequest, of: str) -> str | None:
        """Return the cookie's value. Return None if the name occurs twice, because one of the two was planted."""
        name = self.name(of)
        pairs = [pair.strip().partition("=") for pair in (inbound.header("cookie") or "").split(";")]
        values = [value for key, _, value in pairs if key == name]
        return values[0] if len(values) == 1 and values[0] else None


def cookies_of(config: Settings) -> Cookies:
    url = urlsplit(config.public_url)
    return Cookies(secure=url.scheme != "http" or not is_loopback_host(url.hostname or ""))


def session_cookie(inbound: RawRequest, config: Settings) -> str | None:
    """Return the session secret in the request's cookie, if there is one. A key in a header takes precedence."""
    if presents_key(inbound.headers):
        return None
    secret = cookies_of(config).read(inbound, "session")
    return secret if secret is not None and secret.startswith(SECRET_PREFIX) else None


async def load_session(services: Services, inbound: RawRequest, secret: str) -> PersonCaller | None:
    """Return the user of the session; None if it has ended or expired, or if the user is no longer a member."""
    async with services.credential_lookup() as connection:
        return await find_session(connection, services.config, inbound, secret)


async def find_session(
    connection: Connection, config: Settings, inbound: RawRequest, secret: str
) -> PersonCaller | None:
    """Return the same, in a transaction that looks up credentials."""
    at = now()
    found = await sessions.find(connection, digest_of(secret), at, config.session_idle)
    if found is None:
        return None
    if at - found.last_seen_at >= _SEEN_EVERY:
        seen = (at, inbound.ip, inbound.user_agent, found.session_id, at - _SEEN_EVERY)
        await connection.execute(sessions.SQL.session_seen, seen)
    person = found.person
    return PersonCaller(
        user_id=person.user_id,
        organization_id=person.organization_id,
        role=person.role,
        revision=person.revision,
        session_id=found.session_id,
    )
