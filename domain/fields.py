"""Validation of the fields of all resources. Every violation is reported, not only the first."""

from unicodedata import category

from domain.refusal import Invalid
from domain.secret import contains_secret

NAME_LENGTH_MAX = 100
DESCRIPTION_LENGTH_MAX = 500

CONTAINS_API_KEY = "Must not contain an API key: what is written here is kept permanently"
"""The message about a text that contains an API key: the log is permanent, so it could not delete the key."""

_CONTROL_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides and isolates (Unicode UAX #9), which can make one name look like another."""


class FieldErrors:
    """Collects the violations by field and refuses them together."""

    def __init__(self) -> None:
        self._details: dict[str, object] = {}

    def add(self, field: str, message: str) -> None:
        self._details.setdefault(field, message)

    def raise_if_any(self) -> None:
        if self._details:
            raise Invalid(**self._details)

    def name(self, field: str, name: str) -> None:
        self.text(field, name, NAME_LENGTH_MAX)
        if len(name) <= NAME_LENGTH_MAX and not any(map(_is_visible, name)):
            self.add(field, "Must not be empty")
        if len(name) <= NAME_LENGTH_MAX and has_control(name):
            self.add(field, "Must not contain control characters")

    def description(self, field: str, description: str) -> None:
        self.text(field, description, DESCRIPTION_LENGTH_MAX)

    def text(self, field: str, text: str, length_max: int) -> None:
        if len(text) > length_max:
            self.add(field, f"Must have at most {length_max} characters")
            return
        if "\0" in text:
            self.add(field, "Must not contain the character U+0000")
        if any("\ud800" <= character <= "\udfff" for character in text):
            self.add(field, "Must not contain lone surrogates")
        if contains_secret(text):
            self.add(field, CONTAINS_API_KEY)


def has_control(text: str) -> bool:
    """Return whether `text` contains terminal controls, direction controls, or code points that are no characters."""
    return any(category(character) in _CONTROL_CATEGORIES or character in _DIRECTIONS for character in text)


def _is_visible(character: str) -> bool:
    return category(character)[0] not in "CZ"
