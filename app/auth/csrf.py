"""No other site makes a signed-in person do anything: what an unsafe request with a cookie has to prove.

Three things, each of which would do in a browser of today: SameSite=Lax on the cookie, `Sec-Fetch-Site` and `Origin`,
which no page can forge, and a token that only pages of this service and clients that asked for it know.
"""

import hmac
from urllib.parse import urlsplit

from app.auth.sessions import csrf_token
from app.http.errors import Problem
from app.http.messages import RawRequest
from infrastructure.settings import Settings

SAFE_METHODS = frozenset({"GET", "HEAD"})
HEADER = "x-csrf-token"


def reject_cross_site(inbound: RawRequest, config: Settings) -> None:
    """403 for a request that a page of another site made. One that says nothing about it was made by no browser."""
    site = inbound.header("sec-fetch-site")
    origin = inbound.header("origin")
    if site not in {None, "same-origin", "none"} or (origin is not None and not _is_own(origin, inbound, config)):
        raise Problem("forbidden", "The request was sent by a page of another site. Use a page of this service.")


def require_csrf_token(inbound: RawRequest, config: Settings, secret: str, token: str | None) -> None:
    """403 for a request with the cookie of a session that does not prove that it was meant."""
    reject_cross_site(inbound, config)
    if token is None:
        detail = "A change with a session cookie requires the header X-CSRF-Token. Get the token from GET /v1/session."
        raise Problem("forbidden", detail)
    if not hmac.compare_digest(token.encode("utf-8", "replace"), csrf_token(secret).encode()):
        detail = "X-CSRF-Token does not match this session. Get the current token from GET /v1/session."
        raise Problem("forbidden", detail)


def _is_own(origin: str, inbound: RawRequest, config: Settings) -> bool:
    """Whether the page came from the public address of this service, or from where the request itself went to.

    The second lets `make run` answer at localhost as at 127.0.0.1. A page of another site has another host there.
    """
    public = urlsplit(config.public_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    host = inbound.header("host")
    return host is not None and origin == f"{public.scheme}://{host}"
