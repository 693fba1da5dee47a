"""Validation and comparison of email addresses."""

import re
from unicodedata import normalize

from domain.fields import CONTAINS_API_KEY, FieldErrors, has_control
from domain.secret import contains_secret

EMAIL_LENGTH_MAX = 254
"""RFC 5321 §4.5.3.1.3 allows 256 characters, of which two are angle brackets."""

_LOCAL_PART = r"""[^\s@<>()\[\]\\,;:"]{1,64}"""
_DOMAIN_LABEL = r"""(?!-)[^\s@<>()\[\]\\,;:".]{1,63}(?<!-)"""
_ADDRESS = re.compile(rf"{_LOCAL_PART}@(?:{_DOMAIN_LABEL}\.)+{_DOMAIN_LABEL}")


def check_email(problems: FieldErrors, email: str) -> None:
    """Check that the text has the form of an address. Only a delivered mail proves that the address exists."""
    if len(email) > EMAIL_LENGTH_MAX or has_control(email) or not _ADDRESS.fullmatch(email):
        problems.add("email", f"Must be an address such as ada@example.com, of at most {EMAIL_LENGTH_MAX} characters")
    elif contains_secret(email):
        problems.add("email", CONTAINS_API_KEY)


def normalized(email: str) -> str:
    """Return the form for comparisons, in which `Ada@Example.com` equals `ada@example.com`."""
    return normalize("NFKC", email).casefold()
