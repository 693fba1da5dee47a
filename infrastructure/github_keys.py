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

import msgspec
import structlog
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from msgspec import Struct

from infrastructure.log_throttle import LogThrottle

KEYS_URL = "https://api.github.com/meta/public_keys/secret_scanning"
SIGNATURE_LENGTH_MAX = 200
"""A signature on P-256 has at most 72 bytes in DER, which are 96 characters in base64."""

_FILE_BYTES_MAX = 1_000_000

_log = structlog.get_logger(__name__)

PublicKeys = Mapping[str, EllipticCurvePublicKey]


class GithubKeysUnusable(ValueError):
    """The file cannot be read as the list of GitHub's public keys."""


class _Key(Struct, frozen=True):
    key_identifier: str
    key: str


class _File(Struct, frozen=True):
    public_keys: tuple[msgspec.Raw, ...]


_key = msgspec.json.Decoder(_Key)


class GithubKeys:
    """The keys in a file, which is read again when it changes. A file that became unusable leaves the former keys.

    A file that is unusable at first must not prevent the start of the server: without a key, nothing is signed.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._version = _version(file)
        self._keys: PublicKeys = {}
        self._news = LogThrottle()
        self._read()

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
        if self._news("github_key_unknown"):
            _log.warning("github_key_unknown", known_keys=len(self._keys), file=str(self._file))

    def _refresh(self) -> None:
        version = _version(self._file)
        if version == self._version:
            return
        self._version = version
        self._read()

    def _read(self) -> None:
        try:
            self._keys = read_github_keys(self._file)
        except GithubKeysUnusable as error:
            _log.error("github_keys_unusable", file=str(self._file), problem=str(error))


def read_github_keys(file: Path) -> PublicKeys:
    """Return the keys by identifier, without those that this server cannot use. Raise `GithubKeysUnusable`."""
    try:
        with file.open("rb") as opened:
            content = opened.read(_FILE_BYTES_MAX)
        listed = msgspec.json.decode(content, type=_File).public_keys
    except OSError as error:
        raise GithubKeysUnusable(f"cannot be read: {error}") from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise GithubKeysUnusable(f"is not the response of {KEYS_URL}: {error}") from None
    keys: dict[str, EllipticCurvePublicKey] = {}
    for number, item in enumerate(listed, start=1):
        # GitHub may add keys of another kind. They must not prevent the use of the others.
        try:
            each = _key.decode(item)
            keys[each.key_identifier] = _public_key(each.key)
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError, UnsupportedAlgorithm) as error:
            _log.warning("github_key_skipped", file=str(file), number=number, problem=str(error))
    if not keys:
        raise GithubKeysUnusable(f"contains no key that this server can use. Store the response of {KEYS_URL} in it")
    return keys


def _public_key(pem: str) -> EllipticCurvePublicKey:
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise TypeError("a key is not on the curve P-256")
    return key


def _version(file: Path) -> tuple[int, ...]:
    """Return what changes when the file is replaced, written or made readable; nothing if it is missing."""
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
