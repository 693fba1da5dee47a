"""Keys derived from the master keys, one for each purpose, so that no two purposes share a key."""

from base64 import b64decode
from collections.abc import Sequence

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MASTER_KEY_BYTES = 32


def derived_key(master_key: bytes, purpose: str) -> bytes:
    """Return 32 bytes: HKDF-SHA256 (RFC 5869) of a master key, with the purpose as `info`."""
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=b"keyledger/1/" + purpose.encode()).derive(master_key)


def parse_master_keys(text: str) -> tuple[bytes, ...]:
    """Return the master keys of a setting: base64, separated by commas. Raise ValueError for anything else."""
    try:
        return validate_master_keys([b64decode(part.strip(), validate=True) for part in text.split(",")])
    except ValueError:  # base64 raises a subclass
        raise ValueError(f"must be {MASTER_KEY_BYTES} bytes in base64, several with commas between") from None


def validate_master_keys(master_keys: Sequence[bytes]) -> tuple[bytes, ...]:
    """Return the master keys. Raise ValueError if there are none, or if one is not 32 bytes long."""
    if not master_keys or any(len(key) != MASTER_KEY_BYTES for key in master_keys):
        raise ValueError(f"There must be at least one master key, and each must have {MASTER_KEY_BYTES} bytes.")
    return tuple(master_keys)
