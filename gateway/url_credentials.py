"""Detection of credentials in URLs: a URL is visible to every user of its resource and stays in the log permanently.

Names are recognized by their words, however the words are joined, encoded or nested. Values are recognized if they have
the form of a well-known kind of token. A random path or an opaque id is not a credential: many URLs contain one.
"""

import base64
import re
from binascii import Error as NotBase64
from collections.abc import Iterator

from domain.secret import contains_secret
from gateway.credential_names import is_credential, is_opaque_credential, is_setting
from gateway.percent_encoding import decodings

_NAME_SHOWN_MAX = 60
_BASE64_LENGTH_MIN = 12

# A name, its whole value, and the part of the value that cannot contain another pair.
_PAIR = re.compile(r"([^=&;?/#]+)=(?=([^&;#]*))([^&;?/#]*)")
_BARE = re.compile(r"[?&;]([^=&;?/#]+)(?=[&;#]|\Z)")
_JSON_NAME = re.compile(r'"([^"\\]{1,200})"\s*:(?:[\s\[]*"([^"]*))?')
# Prefixes that the issuers of tokens chose so that scanners can recognize the tokens.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|tvly-[\w-]{12,}|npm_[A-Za-z0-9]{30,}"
    r"|gsk_[A-Za-z0-9]{20,}|xai-[A-Za-z0-9]{20,}|pplx-[A-Za-z0-9]{20,}|nvapi-[\w-]{20,}|fc-[0-9a-f]{32}|r8_[A-Za-z0-9]{20,}"
    r"|shp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}|do[oprs]_v1_[0-9a-f]{64}|sbp_[0-9a-f]{40}|lin_api_[A-Za-z0-9]{20,}"
    r"|(?:ntn|secret)_[A-Za-z0-9]{40,}|SG\.[\w-]{16,}\.[\w-]{16,}|ya29\.[\w-]{16,}|pypi-[\w-]{20,}|figd_[\w-]{20,}"
    r"|glsa_\w{20,}|hvs\.[\w-]{20,}|sntry[su]_[A-Za-z0-9+/=_]{20,}|ATATT3[\w=-]{20,}|dapi[0-9a-f]{32}"
    r"|hf_[A-Za-z0-9]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|whsec_[A-Za-z0-9+/=]{20,}|k[sl]_[\w-]{43}"
    r")"
)
# The value of an Authorization header (RFC 9110 §11.4), used as the value of a parameter.
_HEADER_VALUE = re.compile(r"\bbearer\s+[\w.~+/-]{16,}|\bbasic\s+(?P<basic>[A-Za-z0-9+/]{4,}={0,2})", re.IGNORECASE)
# A URL inside the URL, such as a database's. Browsers and drivers send the part before the `@` as a credential.
_USERINFO = re.compile(r"://[^/?#&\s@:]*:[^/?#&\s@]+@")
# A segment of the path that follows its name: /apikey/3fK9…/mcp.
_SEGMENTS = re.compile(r"(?<=/)([^/?#&;=]+)/(?=((?=[A-Za-z]*\d)[A-Za-z0-9]{16,})(?:[/?#]|\Z))")


def credential_in(address: str) -> str | None:
    """Return a description, without the secret, of a credential in the path and query of a URL; None if none."""
    for text in decodings(address):
        if found := _named_in(text) or _recognized_in(text):
            return found
    return None


def _named_in(text: str) -> str | None:
    for name, value, part in _PAIR.findall(text):
        if is_credential(name, value) or is_opaque_credential(name, part):
            return _shown(name)
    for name, value in _SEGMENTS.findall(text):
        if not is_setting(value) and is_credential(name, value):
            return _shown(name)
    if any(is_credential(name, "") for name in _BARE.findall(text)):
        return "a parameter without a value"  # such a name may be the credential itself
    for nested in _nested(text):
        for name, value in _JSON_NAME.findall(nested):
            if is_credential(name, value):
                return _shown(name)
    return None


def _recognized_in(text: str) -> str | None:
    if _TOKEN.search(text) or contains_secret(text) or _holds_header_value(text):
        return "a token"
    return "the password of another address" if _USERINFO.search(text) else None


def _nested(text: str) -> Iterator[str]:
    """Yield the text, which may contain JSON, and the JSON in base64 values, as some hosts encode configuration."""
    yield text
    for _, _, value in _PAIR.findall(text):
        if len(value) >= _BASE64_LENGTH_MIN:
            try:
                plain = base64.b64decode(value.replace("-", "+").replace("_", "/").rstrip("=") + "==")
            except (NotBase64, ValueError):
                continue
            if plain.lstrip().startswith(b"{"):
                yield plain.decode("utf-8", "replace")


def _holds_header_value(text: str) -> bool:
    for found in _HEADER_VALUE.finditer(text):
        if found["basic"] is None:
            return True
        try:
            pair = base64.b64decode(found["basic"].rstrip("=") + "==").decode()
        except (NotBase64, ValueError):
            continue
        # Any word of four letters is valid base64, but few words decode to a name, a colon and a password.
        if ":" in pair and pair.isprintable():
            return True
    return False


def _shown(name: str) -> str:
    if _TOKEN.search(name) or contains_secret(name) or not name.isprintable():
        return "a parameter"
    return name if len(name) <= _NAME_SHOWN_MAX else name[: _NAME_SHOWN_MAX - 1] + "…"
