"""The page that a visitor wanted before they had to sign in, and where they continue afterwards: `next`.

Anyone can send a link to `/sign-in?next=…`, so a value that could lead off this site must never be followed. The check
is a list of what is allowed and not of what is dangerous: browsers repair malformed addresses in many ways (WHATWG URL
§4.4). They drop tabs and line ends, and read a backslash as a slash.
"""

import re

from domain.secret import redacted

NEXT_PATH_LENGTH_MAX = 2_000

_LOCAL = re.compile(r"/(?!/)[!-\[\]-~]*")
"""One slash, then printable ASCII without spaces and backslashes. A path cannot have a scheme or a host."""


def next_path(given: str | None) -> str | None:
    """Return `given` if it is a path on this site, possibly with a query, and otherwise None.

    It is stored with the sign-in, so it must not contain a secret.
    """
    if given is None or len(given) > NEXT_PATH_LENGTH_MAX or _LOCAL.fullmatch(given) is None:
        return None
    return None if "//" in given or redacted(given) != given else given
