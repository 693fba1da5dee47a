"""Compression of responses, for clients that no proxy compresses for.

Only pages that are requested with GET are compressed. The response to a form may contain a new secret, and the size of
a compressed response would reveal parts of it to someone who can measure it while changing the rest of the page
(BREACH). The token against cross-site requests, which every page contains, is one of three such proofs
(`app/auth/csrf.py`).
"""

import gzip

from app.handlers import HttpRequest, HttpResponse, raw_request
from app.pages.accepted_coding import accepts_gzip
from app.pages.rendering import PageResponse

_LENGTH_MIN = 1_000
"""In characters. A shorter response fits into one packet anyway."""

_LEVEL = 4
"""Two to four times as fast as the default level 9, for up to 10 % more bytes of these pages."""


def compressed(request: HttpRequest, response: PageResponse) -> PageResponse | HttpResponse:
    """Return the response compressed, if that is safe, worthwhile and accepted."""
    inbound = raw_request(request)
    if inbound.method != "GET" or len(response.content) < _LENGTH_MIN:
        return response
    response.headers["Vary"] = "Accept-Encoding"
    if not accepts_gzip(inbound.header("accept-encoding")):
        return response
    response.headers["Content-Encoding"] = "gzip"
    return HttpResponse(
        gzip.compress(response.content.encode(), _LEVEL, mtime=0),
        status_code=response.status_code,
        media_type=response.media_type,
        headers=response.headers,
    )
