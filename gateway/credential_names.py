"""Recognition of credentials in URLs by the words in a name, however the words are joined.

A name that describes a credential, such as `token_limit`, is harmless only if its value looks like a setting.
"""

import re

from gateway.percent_encoding import decodings

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
        "authorisation",
        "passwort",
        "kennwort",
        "senha",
        "contrasena",
        "motdepasse",
        "otp",
        "sid",
        "sessionid",
        "jsessionid",
        "phpsessid",
    }
)
"""Words that make a name that of a credential, unless a later word only describes the credential."""
_LAST = frozenset({"key", "auth"})
"""Words that do so only at the end of a name: `exaApiKey`, but not `keyspace` or `auth_type`."""
_STRUCTURAL = frozenset(
    {"sort", "order", "group", "partition", "primary", "foreign", "index", "row", "cache", "public", "idempotency"}
)
"""Words before `key` that make it the name of a column or a label: `sort_key=name`. The value must fit, too."""
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
"""Words at the end of a name that describes a credential without containing one: `token_limit`, `passwordPolicy`.

They count only if the value looks like a setting: anyone can put a key into `apiKeyUrl`.
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
"""Endings of a name without visible word boundaries: `tavilyapikey`, `mytoken`."""

_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_OPAQUE = frozenset(
    {"code", "session", "license", "licence", "cookie", "cookies", "ticket", "assertion", "samlresponse", "tok", "sk"}
)
"""Names of credentials only if the value is long and does not look like a setting: a short code can be a country.

`code` is the key of an Azure function.
"""
_OPAQUE_LENGTH_MIN = 16


def is_credential(name: str, value: str) -> bool:
    written = [word.lower() for word in _WORDS.findall(name)]
    words = [_singular(word) for word in written]
    is_about = bool(words) and words[-1] in _ABOUT
    # `max_tokens=4096` and `keys=all` are settings too.
    is_structural = words[-1:] == ["key"] and not _STRUCTURAL.isdisjoint(words)
    is_plural = words != written or (bool(_JOINED.search("".join(words))) and written[-1].endswith("s"))
    if (is_about or is_plural or is_structural) and is_setting(value):
        return False
    while words and words[-1] in _ABOUT:
        words.pop()
    if not words:
        return False
    joined = "".join(words)
    return (
        words[-1] in _LAST or not _ALWAYS.isdisjoint(words) or joined in _ALWAYS or _JOINED.search(joined) is not None
    )


def is_opaque_credential(name: str, value: str) -> bool:
    words = "".join(_WORDS.findall(name)).lower()
    return words in _OPAQUE and len(value) >= _OPAQUE_LENGTH_MIN and not is_setting(value)


def _singular(word: str) -> str:
    stem = word.removesuffix("s")
    return stem if stem in _ALWAYS or stem in _LAST or stem in _ABOUT else word


def is_setting(value: str) -> bool:
    *_, plain = decodings(value)
    if _WEB_ADDRESS.fullmatch(plain):
        return True
    return not plain or (len(plain) <= _SETTING_LENGTH_MAX and _SETTING.fullmatch(plain) is not None)
