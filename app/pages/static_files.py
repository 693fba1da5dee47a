"""GET /static/{name}: the style sheets and the scripts, under names that contain a digest of the content.

A changed file has another name, so browsers may keep each file indefinitely.
"""

import gzip
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from litestar import Response, get

from app.handlers import HttpRequest, HttpResponse, raw_request
from app.http.errors import Problem
from app.pages.accepted_coding import accepts_gzip

_FOLDER = Path(__file__).parent / "static"
_IMMUTABLE = "public, max-age=31536000, immutable"
_FOR_A_DAY = "public, max-age=86400"
_DIGEST_LENGTH = 12
_COMMENT = re.compile(rb"/\*.*?\*/", re.DOTALL)
_COMMENT_LINES = re.compile(rb"^[ \t]*(?:/\*.*?\*/|//[^\n]*)$", re.DOTALL | re.MULTILINE)
_INDENTATION = re.compile(rb"\s*\n\s*")
_QUOTES = re.compile(rb'="([a-z][\w-]*)"]')
_SPACES = re.compile(rb"(?<=[{};,:>])[ \n]|[ \n](?=[{}>])|;(?=[ \n]?})|(?<=[ :(-])0(?=\.\d)")
"""Comments, white space, zeros before a decimal point and quotes around names are a tenth of the files, so browsers do
not get them.

Scripts keep what follows code on its line, because there only a parser can tell a comment from a text.
"""


class _File(NamedTuple):
    name: str
    media_type: str
    content: bytes
    compressed: bytes


def _file(name: str, media_type: str, parts: Sequence[str]) -> _File:
    """Return the file that consists of these parts of the folder `static`. One file costs one request."""
    content = b"\n".join([(_FOLDER / part).read_bytes() for part in parts])
    if media_type == "text/css":
        content = _QUOTES.sub(rb"=\1]", _SPACES.sub(b"", _INDENTATION.sub(b"\n", _COMMENT.sub(b"", content))))
    elif not name.startswith("htmx"):
        content = _INDENTATION.sub(b"\n", _COMMENT_LINES.sub(b"", content))
    stem, _, suffix = name.rpartition(".")
    digest = sha256(content).hexdigest()[:_DIGEST_LENGTH]
    return _File(f"{stem}.{digest}.{suffix}", media_type, content, gzip.compress(content, mtime=0))


_STYLE = _file(
    "app.css",
    "text/css",
    [
        "app.css",
        "charts.css",
        "keys.css",
        "key.css",
        "sections.css",
        "alerts.css",
        "activity.css",
        "overview.css",
    ],
)
_SCRIPT = _file(
    "app.js",
    "text/javascript",
    ["app.js", "dialog.js", "shortcuts.js", "chart.js", "keys.js", "picker.js", "secret.js", "tail.js"],
)
_IDENTIFY = _file("identify.js", "text/javascript", ["identify.js"])
_REFERENCE_STYLE = _file("reference.css", "text/css", ["reference.css"])
_HTMX = _file("htmx.js", "text/javascript", ["htmx-2.0.11.min.js"])
_FILES = {each.name: each for each in (_STYLE, _SCRIPT, _IDENTIFY, _REFERENCE_STYLE, _HTMX)}

STYLE_URL = f"/static/{_STYLE.name}"
SCRIPT_URL = f"/static/{_SCRIPT.name}"
IDENTIFY_URL = f"/static/{_IDENTIFY.name}"
"""Only for its page, which handles a secret."""

REFERENCE_STYLE_URL = f"/static/{_REFERENCE_STYLE.name}"
"""Only for the API reference, whose pages are the longest."""

HTMX_URL = f"/static/{_HTMX.name}"


_ICON = (_FOLDER / "favicon.svg").read_bytes()


@get("/favicon.svg", access="anyone")
async def icon() -> HttpResponse:
    """Return the icon, under the fixed name that browsers may ask for. It has no digest and is cached for a day."""
    return Response(_ICON, headers={"Cache-Control": _FOR_A_DAY}, media_type="image/svg+xml")


@get("/static/{name:str}", access="anyone")
async def static_file(request: HttpRequest, name: str) -> HttpResponse:
    found = _FILES.get(name)
    if found is None:
        raise Problem("not_found")
    headers = {"Cache-Control": _IMMUTABLE, "Vary": "Accept-Encoding"}
    if not accepts_gzip(raw_request(request).header("accept-encoding")):
        return Response(found.content, headers=headers, media_type=found.media_type)
    return Response(found.compressed, headers={**headers, "Content-Encoding": "gzip"}, media_type=found.media_type)
