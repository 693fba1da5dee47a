"""Query parameters of pages, which people edit, send to each other and bookmark."""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlencode

import msgspec
from msgspec import Struct, structs

from app.handlers import HttpRequest, raw_request
from app.http.decoding import read_query
from app.http.errors import Problem

T = TypeVar("T", bound=Struct)

_PARAMETERS_MAX = 100
_PLACES = ("page", "cursor", "after")
"""Parameters that say which part of a list is shown. The others are its filters."""


class Applied(NamedTuple):
    """A filter that is in effect, with the address of the page without it."""

    text: str
    link: str


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


def given_filters(query: Struct) -> dict[str, object]:
    """Return the filters that are in effect, as they are in the address."""
    values: dict[str, object] = msgspec.to_builtins(query)
    return {name: value for name, value in values.items() if name not in _PLACES and _is_given(value)}


def link_to(path: str, query: Struct, **changed: object) -> str:
    """Return the address of the first page of the list with these changes to its parameters."""
    given = {name: value for name, value in {**given_filters(query), **changed}.items() if _is_given(value)}
    return f"{path}?{urlencode(given)}" if given else path


def address_of(path: str, query: Struct) -> str:
    """Return the address of the part of the list that is shown."""
    values: dict[str, object] = msgspec.to_builtins(query)
    return link_to(path, query, **{name: values.get(name) for name in ("page", "cursor")})


def applied_filters(path: str, query: Struct, texts: Mapping[str, str]) -> list[Applied]:
    """Return the filters of the list that are in effect, with their `texts`."""
    given = given_filters(query)
    return [Applied(text, link_to(path, query, **{name: None})) for name, text in texts.items() if name in given]


def _is_given(value: object) -> bool:
    return value is not None and bool(str(value).strip())
