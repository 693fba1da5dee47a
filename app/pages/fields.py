"""Fields of a submitted form, in which a name may occur several times."""

from collections.abc import Sequence
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec

from app.handlers import HttpRequest, raw_request
from app.http.errors import Problem

T = TypeVar("T", bound=msgspec.Struct)

FIELDS_MAX = 5_000
"""The permission picker has a field for each tool of each server."""

_FORM = "application/x-www-form-urlencoded"


class Fields:
    """The submitted names and values, in their order."""

    def __init__(self, pairs: Sequence[tuple[str, str]] = ()) -> None:
        self._pairs = tuple(pairs)
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def one(self, name: str, default: str = "") -> str:
        """Return the last value of a field, as browsers submit it: white space at the ends is kept."""
        values = self.all(name)
        return values[-1] if values else default

    def all(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))

    def to_struct(self, kind: type[T]) -> T:
        """Return the fields as a `kind`, without those that it does not have. Raise 400 if they do not fit."""
        try:
            return msgspec.convert({name: self.one(name) for name, _ in self._pairs}, kind)
        except msgspec.ValidationError:
            raise unreadable_form() from None

    def __contains__(self, name: str) -> bool:
        return name in self._values


def fields_of(request: HttpRequest) -> Fields:
    """Return the fields of a form. Raise 415 or 400 for a body that is not one."""
    inbound = raw_request(request)
    if (inbound.header("content-type") or "").partition(";")[0].strip().lower() != _FORM:
        raise Problem("unsupported_media_type", f"Send the form as {_FORM}.")
    try:
        pairs = parse_qsl(
            inbound.body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX
        )
    except ValueError:
        raise unreadable_form() from None
    if any("\0" in value for _, value in pairs):  # PostgreSQL texts cannot contain it
        raise unreadable_form()
    # Browsers submit line breaks as CR LF (HTML §4.10.21.8); the API stores what other clients send, LF.
    return Fields([(name, value.replace("\r\n", "\n")) for name, value in pairs])


def unreadable_form() -> Problem:
    return Problem("invalid_request", "The form cannot be read. Go back and send it again.")
