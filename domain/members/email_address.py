"""Email addresses: their accepted form and their comparison."""

import re
from unicodedata import normalize

from domain.fields import NO_KEY, FieldErrors, has_control
from domain.secret import contains_secret

EMAIL_LENGTH_MAX = 254
"""RFC 5321 §4.5.3.1.3, without the angle brackets."""

_LOCAL = r"""[^\s@<>()\[\]\\,;:"]{1,64}"""
_LABEL = r"""(?!-)[^\s@<>()\[\]\\,;:".]{1,63}(?<!-)"""
_FORM = re.compile(rf"{_LOCAL}@(?:{_LABEL}\.)+{_LABEL}")


def check_email(problems: FieldErrors, email: str) -> None:
    """Check that the text has the form of an address. Only a delivered mail proves that the address exists."""
    if len(email) > EMAIL_LENGTH_MAX or has_control(email) or not _FORM.fullmatch(email):
        problems.add("email", f"Must be an address such as ada@example.com, of at most {EMAIL_LENGTH_MAX} characters")
    elif contains_secret(email):
        problems.add("email", NO_KEY)


def normalized(email: str) -> str:
    """Return the form in which addresses are compared: `Ada@Example.com` and `ada@example.com` are the same person."""
    return normalize("NFKC", email).casefold()
