"""Encryption of secrets at rest: AES-256-GCM (NIST SP 800-38D) with keys derived from the master keys.

A sealed secret is `version (1 byte) | key id (4) | nonce (12) | ciphertext | tag (16)`. The associated data are the
version, the key id, the purpose, and the owner of the secret: a row copied to another organization or MCP cannot be
decrypted.

To replace the master key, put the new one first and keep the old one behind it. Secrets sealed after that need only the
new one. Nonces are random, so a key may seal 2**32 secrets before a repeated nonce becomes too likely.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from infrastructure.key_derivation import derived_key, validate_master_keys

_VERSION = b"\x01"
_KEY_ID_BYTES = 4
_NONCE_BYTES = 12
_HEAD_BYTES = len(_VERSION) + _KEY_ID_BYTES


class DecryptionFailed(Exception):
    """The sealed bytes were changed, belong to something else, or no configured master key sealed them."""

    def __str__(self) -> str:
        return self.__doc__ or ""


class Sealer:
    """Encryption and decryption of small secrets; safe for concurrent use by threads."""

    def __init__(self, master_keys: Sequence[bytes]) -> None:
        """Take `master_keys` of 32 bytes each. The first seals; all of them open, so that a key can be replaced."""
        self._keys = [(derived_key(key, "key id")[:_KEY_ID_BYTES], key) for key in validate_master_keys(master_keys)]

    def seal(self, plaintext: bytes, *, purpose: str, bound_to: str) -> bytes:
        """Encrypt `plaintext` so that it opens only for the same purpose and the same `bound_to`.

        `purpose` names the kind of secret, `bound_to` the resource that it belongs to, such as `org_…/mcp_…`.
        """
        key_id, master_key = self._keys[0]
        head = _VERSION + key_id
        nonce = os.urandom(_NONCE_BYTES)
        cipher = AESGCM(derived_key(master_key, f"seal/{purpose}"))
        return head + nonce + cipher.encrypt(nonce, plaintext, _associated(head, purpose, bound_to))

    def open(self, sealed: bytes, *, purpose: str, bound_to: str) -> bytes:
        """Return the plaintext, or raise DecryptionFailed."""
        head, nonce, ciphertext = (
            sealed[:_HEAD_BYTES],
            sealed[_HEAD_BYTES : _HEAD_BYTES + _NONCE_BYTES],
            sealed[_HEAD_BYTES + _NONCE_BYTES :],
        )
        if len(nonce) == _NONCE_BYTES and head.startswith(_VERSION):
            for key_id, master_key in self._keys:
                if head == _VERSION + key_id:
                    try:
                        cipher = AESGCM(derived_key(master_key, f"seal/{purpose}"))
                        return cipher.decrypt(nonce, ciphertext, _associated(head, purpose, bound_to))
                    except InvalidTag:
                        continue
        raise DecryptionFailed

    def __repr__(self) -> str:
        return f"Sealer({len(self._keys)} master keys)"


def _associated(head: bytes, purpose: str, bound_to: str) -> bytes:
    # The lengths make the encoding unambiguous: no other pair of texts has the same bytes.
    parts = (purpose.encode(), bound_to.encode())
    return head + b"".join(len(part).to_bytes(4, "big") + part for part in parts)
