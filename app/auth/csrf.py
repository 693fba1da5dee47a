"""Protection against cross-site requests: proofs that an unsafe request with a cookie must contain.

There are three, each of which would be enough in a current browser: SameSite=Lax on the cookie; `Sec-Fetch-Site` and
`Origin`, which no page can forge; and a token that only pages of this service and its API clients know.
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
    """Raise 403 for a request from a page of another site. A request without such headers comes from no browser."""
    site = inbound.header("sec-fetch-site")
    origin = inbound.header("origin")
    if site not in {None, "same-origin", "none"} or (origin is not None and not _is_own(origin, inbound, config)):
        raise Problem("forbidden", "The request was sent by a page of another site. Use a page of this service.")


def require_csrf_token(inbound: RawRequest, config: Settings, secret: str, token: str | None) -> None:
    """Raise 403 for a request with a session cookie that does not prove that the user intended it."""
    reject_cross_site(inbound, config)
    if token is None:
        detail = "A change with a session cookie requires the header X-CSRF-Token. Get the token from GET /v1/session."
        raise Problem("forbidden", detail)
    if not hmac.compare_digest(token.encode("utf-8", "replace"), csrf_token(secret).encode()):
        detail = "X-CSRF-Token does not match this session. Get the current token from GET /v1/session."
        raise Problem("forbidden", detail)


def _is_own(origin: str, inbound: RawRequest, config: Settings) -> bool:
    """Return whether the page came from the service's public URL or from the host that received the request.

    The second case lets `make run` respond at localhost and at 127.0.0.1. A page of another site has a different host.
    """
    public = urlsplit(config.public_url)
    if origin == f"{public.scheme}://{public.netloc}":
        return True
    host = inbound.header("host")
    return host is not None and origin == f"{public.scheme}://{host}"
