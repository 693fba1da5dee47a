"""If-Match: a change only of what the caller has seen (RFC 9110 §13.1.1)."""

import re

from app.http.errors import Problem
from app.http.messages import RawRequest

# A comma may stand inside the quotes; only what has the form of a list of entity tags is one (RFC 9110 §8.8.3).
_TAG = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'
_TAGS = re.compile(rf"[ \t,]*{_TAG}(?:[ \t]*,[ \t,]*{_TAG})*[ \t,]*")
_REVISION = re.compile(r'(?:W/)?"([1-9]\d{0,8})(?:(?:--?|;)(?:gzip|deflate|br|zstd))?"')
_LENGTH_MAX = 1_000


def expected_revisions(inbound: RawRequest) -> frozenset[int] | None:
    """The revisions that the change may be made to; None: any. Empty where no tag can be that of a revision.

    A weak tag (`W/"3"`) counts like a strong one, and so does one that names a coding (`"3-gzip"`): a proxy that
    compresses an answer makes the one or the other of its tag. The revision is compared, not the bytes of a
    representation. 412 for what is no list of tags.
    """
    given = inbound.header("if-match")
    if given is None or given.strip() == "*":
        return None
    if len(given) > _LENGTH_MAX or not _TAGS.fullmatch(given):
        raise Problem("revision_mismatch", 'If-Match must be revisions as in the ETag, such as "3", or *.')
    tags = re.findall(_TAG, given)
    matched = [_REVISION.fullmatch(tag) for tag in tags]
    return frozenset(int(tag[1]) for tag in matched if tag is not None)
