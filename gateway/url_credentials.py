"""Credentials in URLs: an address is shown to everyone who may see what it belongs to, and stays in the log.

Names are judged by their words, however they are joined, encoded or nested, and values only where they have the form
of a well-known kind of token. A random path or an opaque id is not taken for a credential: many addresses have one.
"""

import base64
import re
import unicodedata
from binascii import Error as NotBase64
from collections.abc import Iterator
from urllib.parse import unquote_plus

from domain.keys.secret import holds_secret

_DECODED_TIMES_MAX = 5
_NAME_SHOWN_MAX = 60
_BASE64_LENGTH_MIN = 12

_ALWAYS = frozenset(
    {
        "apikey",
        "authkey",
        "accesskey",
        "secretkey",
        "privatekey",
        "sharedkey",
        "subscriptionkey",
        "appkey",
        "apitoken",
        "accesstoken",
        "authtoken",
        "secret",
        "password",
        "passwd",
        "passphrase",
        "passcode",
        "pass",
        "pwd",
        "pw",
        "pword",
        "credential",
        "credentials",
        "cred",
        "creds",
        "signature",
        "sig",
        "hmac",
        "token",
        "bearer",
        "jwt",
        "pat",
        "authorization",
        "otp",
        "sid",
        "sessionid",
        "jsessionid",
        "phpsessid",
    }
)
"""Words that make a name the name of a credential, unless what follows makes it something about one."""
_LAST = frozenset({"key", "auth"})
"""Words that do so at the end of a name: `exaApiKey`, but not `keyspace` or `auth_type`."""
_ABOUT = frozenset(
    {
        "type",
        "name",
        "count",
        "limit",
        "budget",
        "max",
        "min",
        "size",
        "length",
        "format",
        "mode",
        "ttl",
        "expiry",
        "expires",
        "url",
        "uri",
        "endpoint",
        "policy",
        "field",
        "header",
        "scheme",
        "required",
    }
)
"""Words at the end of a name that is about a credential and does not carry one: `token_limit`, `passwordPolicy`.

They count only where the value looks like a setting: anyone can put a key into `apiKeyUrl`.
"""
_SETTING_LENGTH_MAX = 32
_SETTING = re.compile(
    r"\d[\d.,:TZ+-]*"  # a number, or an instant
    r"|[A-Za-z]{1,8}\d{1,5}"  # oauth2, ES256
    r"|(?:[A-Z]?[a-z]+|[A-Z]{1,4})(?:[-_. ](?:[A-Z]?[a-z]+|[A-Z]{1,4}))*"  # all, client_secret_basic, X-API-Key
)
_WEB_ADDRESS = re.compile(r"https?:\S*", re.IGNORECASE)
_JOINED = re.compile(
    r"(?:api|auth|access|secret|private|shared|subscription|app|server|license|master|user|client|function)_?keys?\Z"
    r"|(?:token|secret|password|passwd|passphrase|signature|credential)s?\Z"
)
"""What a name without a visible boundary ends with: `tavilyapikey`, `mytoken`."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
# A name, its whole value, and what of the value can hold no further pair.
_PAIR = re.compile(r"([^=&;?/#]+)=(?=([^&;#]*))([^&;?/#]*)")
_BARE = re.compile(r"[?&;]([^=&;?/#]+)(?=[&;#]|\Z)")
_JSON_NAME = re.compile(r'"([^"\\]{1,200})"\s*:(?:[\s\[]*"([^"]*))?')
# Prefixes that the makers of tokens chose so that these are recognized anywhere.
_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:"
    r"sk-[A-Za-z0-9_-]{16,}|[rs]k_(?:live|test)_[A-Za-z0-9]{16,}|gh[opsur]_[A-Za-z0-9]{30,}|github_pat_\w{30,}"
    r"|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}|AKIA[0-9A-Z]{16}|AIza[\w-]{30,}|tvly-[\w-]{12,}|npm_[A-Za-z0-9]{30,}"
    r"|hf_[A-Za-z0-9]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.|whsec_[A-Za-z0-9+/=]{20,}|k[sl]_[\w-]{43}"
    r")"
)
_FUNCTION_KEY_LENGTH_MIN = 16


def credential_in(address: str) -> str | None:
    """Return what in the path and query of a URL is a credential, in words that do not show it; None if nothing is."""
    for text in _decoded(address):
        for name, value, part in _PAIR.findall(text):
            if _is_credential(name, value) or _is_function_key(name, part):
                return _shown(name)
        if any(_is_credential(name, "") for name in _BARE.findall(text)):
            return "a parameter without a value"  # such a name may be the credential itself
        for nested in _nested(text):
            for name, value in _JSON_NAME.findall(nested):
                if _is_credential(name, value):
                    return _shown(name)
        if _TOKEN.search(text) or holds_secret(text):
            return "a token"
    return None


def _decoded(address: str) -> Iterator[str]:
    """The text as it stands and as often decoded as a server behind a proxy could do."""
    text = address
    for _ in range(_DECODED_TIMES_MAX):
        yield text
        decoded = unicodedata.normalize("NFKC", unquote_plus(text))
        if decoded == text:
            return
        text = decoded


def _nested(text: str) -> Iterator[str]:
    """The text, which may hold JSON, and the JSON in values that are base64, as some hosts take their configuration."""
    yield text
    for _, _, value in _PAIR.findall(text):
        if len(value) >= _BASE64_LENGTH_MIN:
            try:
                plain = base64.b64decode(value.replace("-", "+").replace("_", "/").rstrip("=") + "==")
            except (NotBase64, ValueError):
                continue
            if plain.lstrip().startswith(b"{"):
                yield plain.decode("utf-8", "replace")


def _is_credential(name: str, value: str) -> bool:
    written = [word.lower() for word in _WORDS.findall(name)]
    words = [_singular(word) for word in written]
    is_about = bool(words) and words[-1] in _ABOUT
    # `max_tokens=4096` and `keys=all` are settings too.
    is_plural = words != written or (bool(_JOINED.search("".join(words))) and written[-1].endswith("s"))
    if (is_about or is_plural) and _is_setting(value):
        return False
    while words and words[-1] in _ABOUT:
        words.pop()
    if not words:
        return False
    joined = "".join(words)
    return (
        words[-1] in _LAST or not _ALWAYS.isdisjoint(words) or joined in _ALWAYS or _JOINED.search(joined) is not None
    )


def _is_function_key(name: str, value: str) -> bool:
    """Whether it is the key of an Azure function. A short code is a country or a language."""
    words = "".join(_WORDS.findall(name))
    return words.lower() == "code" and len(value) >= _FUNCTION_KEY_LENGTH_MIN


def _singular(word: str) -> str:
    stem = word.removesuffix("s")
    return stem if stem in _ALWAYS or stem in _LAST or stem in _ABOUT else word


def _is_setting(value: str) -> bool:
    *_, plain = _decoded(value)
    if _WEB_ADDRESS.fullmatch(plain):
        return True
    return not plain or (len(plain) <= _SETTING_LENGTH_MAX and _SETTING.fullmatch(plain) is not None)


def _shown(name: str) -> str:
    if _TOKEN.search(name) or holds_secret(name) or not name.isprintable():
        return "a parameter"
    return name if len(name) <= _NAME_SHOWN_MAX else name[: _NAME_SHOWN_MAX - 1] + "…"
