"""The public keys with which GitHub signs the notifications of its secret scanning, in a file of the operator.

The file is the response of https://api.github.com/meta/public_keys/secret_scanning:
`{"public_keys": [{"key_identifier": …, "key": PEM, "is_current": …}]}`. A notification names the key that signed it, so
all keys in the file are accepted, current or not. The signature is ECDSA on P-256 with SHA-256 over the raw body, in
DER and base64. Source:
https://docs.github.com/en/code-security/secret-scanning/secret-scanning-partner-program
"""

import binascii
from base64 import b64decode
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

import msgspec
import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

KEYS_URL = "https://api.github.com/meta/public_keys/secret_scanning"
SIGNATURE_LENGTH_MAX = 200
"""A signature on P-256 has at most 72 bytes in DER, which are 96 characters in base64."""

_FILE_BYTES_MAX = 1_000_000
_SILENT_SECONDS = 60.0

_log = structlog.get_logger(__name__)

PublicKeys = Mapping[str, EllipticCurvePublicKey]


class GithubKeysUnusable(ValueError):
    """The file cannot be read as the list of GitHub's public keys."""


class _Key(Struct, frozen=True):
    key_identifier: str
    key: str


class _File(Struct, frozen=True):
    public_keys: tuple[_Key, ...]


class GithubKeys:
    """The keys in a file, which is read again when it changes. A file that became unusable leaves the former keys."""

    def __init__(self, file: Path) -> None:
        """Raise `GithubKeysUnusable`."""
        self._file = file
        self._version = _version(file)
        self._keys = read_github_keys(file)
        self._silent_until = 0.0

    def signed(self, content: bytes, key_identifier: str, signature: str) -> bool:
        """Return whether the key with this identifier signed `content`."""
        self._refresh()
        key = self._keys.get(key_identifier)
        if key is None:
            self._warn()
            return False
        try:
            decoded = b64decode(signature[: SIGNATURE_LENGTH_MAX + 1], validate=True)
            key.verify(decoded, content, ECDSA(SHA256()))
        except (binascii.Error, ValueError, InvalidSignature):
            return False
        return True

    def _warn(self) -> None:
        """Log that the file may be out of date. Everyone can cause this, so the line is rare and quotes nothing."""
        at = monotonic()
        if at >= self._silent_until:
            self._silent_until = at + _SILENT_SECONDS
            _log.warning("github_key_unknown", known_keys=len(self._keys), file=str(self._file))

    def _refresh(self) -> None:
        version = _version(self._file)
        if version == self._version:
            return
        self._version = version
        try:
            self._keys = read_github_keys(self._file)
        except GithubKeysUnusable as error:
            _log.error("github_keys_unusable", file=str(self._file), problem=str(error))


def read_github_keys(file: Path) -> PublicKeys:
    """Return the keys by identifier. Raise `GithubKeysUnusable`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_FILE_BYTES_MAX)
        listed = msgspec.json.decode(content, type=_File).public_keys
        keys = {each.key_identifier: _public_key(each.key) for each in listed}
    except OSError as error:
        raise GithubKeysUnusable(f"cannot be read: {error}") from None
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise GithubKeysUnusable(f"is not the response of {KEYS_URL}: {error}") from None
    if not keys:
        raise GithubKeysUnusable(f"contains no key. Store the response of {KEYS_URL} in it")
    return keys


def _public_key(pem: str) -> EllipticCurvePublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise TypeError("a key is not on the curve P-256")
    return key


def _version(file: Path) -> tuple[int, ...]:
    """Return what changes when the file is replaced or written; nothing if it is missing."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns
