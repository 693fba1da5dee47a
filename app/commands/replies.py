"""Responses to changes: with the new revision, or replayed."""

from litestar import Response

from app.handlers import HttpResponse
from app.http.idempotency import REPLAYED


def respond(content: bytes, status: int, revision: int | None, *, replayed: bool = False) -> HttpResponse:
    headers: dict[str, str] = {}
    if revision is not None:
        headers |= {"X-Revision": str(revision), "ETag": f'"{revision}"'}
    if replayed:
        headers |= REPLAYED
    return Response(content, status_code=status, headers=headers, media_type="application/json")
