"""If-Match header: a change applies only to a revision that the caller has seen (RFC 9110 §13.1.1)."""

import re

from app.http.errors import Problem
from app.http.messages import RawRequest

# A tag may contain a comma, so the value is matched as a whole list of entity tags (RFC 9110 §8.8.3).
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_REVISION = re.compile(r'(?:W/)?"([1-9]\d{0,8})(?:(?:--?|;)(?:gzip|deflate|br|zstd))?"')
_LENGTH_MAX = 1_000


def expected_revisions(inbound: RawRequest) -> frozenset[int] | None:
    """Return the revisions that the change may apply to: None for any, empty if no tag can be a revision.

    A weak tag (`W/"3"`) counts like a strong one, and so does a tag that names a coding (`"3-gzip"`): a proxy that
    compresses a response rewrites its tag in one of these ways. The comparison is of revisions, not of the bytes of a
    representation. Raise 412 if the value is not a list of tags.
    """
    given = inbound.header("if-match")
    if given is None or given.strip() == "*":
        return None
    if len(given) > _LENGTH_MAX or not _TAGS.fullmatch(given):
        raise Problem("revision_mismatch", 'If-Match must be revisions as in the ETag, such as "3", or *.')
    tags = re.findall(_TAG, given)
    matched = [_REVISION.fullmatch(tag) for tag in tags]
    return frozenset(int(tag[1]) for tag in matched if tag is not None)
