"""Query parameters of pages, which people edit, send to each other and bookmark."""

from typing import TypeVar
from urllib.parse import parse_qsl, urlencode

from msgspec import Struct, structs

from app.handlers import HttpRequest, raw_request
from app.http.decoding import read_query
from app.http.errors import Problem

T = TypeVar("T", bound=Struct)

_PARAMETERS_MAX = 100


def page_query(request: HttpRequest, kind: type[T]) -> T:
    """Return the query as a `kind`. Empty and unknown parameters are ignored, and invalid ones are refused by name.

    A form submits its empty fields too, and tools for mail and chat append parameters of their own to links.
    """
    known = {field.encode_name for field in structs.fields(kind)}
    try:
        text = raw_request(request).query.decode("ascii")
        pairs = parse_qsl(text, errors="strict", max_num_fields=_PARAMETERS_MAX)
    except ValueError:
        raise Problem("invalid_request", "The address cannot be read. Open the page again from the menu.") from None
    return read_query(urlencode([(name, value) for name, value in pairs if name in known]).encode(), kind)
