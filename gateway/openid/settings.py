"""Which OpenID provider people may sign in with."""

from ipaddress import ip_address
from urllib.parse import urlsplit

from msgspec import Struct


class OpenIdSettings(Struct, frozen=True):
    """`issuer` as the provider writes it; `name` is what the button says. The secret is shown nowhere.

    `trust_email`: an address counts also where the issuer does not say whether it was verified.
    """

    issuer: str
    client_id: str
    client_secret: str
    scopes: str = "openid email"
    name: str = ""
    trust_email: bool = False

    def __repr__(self) -> str:
        return f"OpenIdSettings(issuer={self.issuer!r}, client_id={self.client_id!r})"


def issuer_problem(issuer: str) -> str | None:
    """Why this can not be an issuer (OpenID Connect Discovery 1.0 §2), None if it can."""
    url = urlsplit(issuer)
    if not url.hostname or url.query or url.fragment:
        return "must be an address such as https://accounts.example.com"
    if url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.hostname)):
        return None
    return "must begin with https://"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
