"""Search for keys in bytes of any encoding. The checksum decides, so nothing else is found."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from keyledger.secret import LAST_SHOWN, LENGTH, PREFIX_SHOWN, PREFIXES, Secret, has_checksum

CHUNK_BYTES: Final = 16 * 1024 * 1024
"""Files are read in pieces of this size, so that large ones need little memory."""

_WIDTHS: Final = (1, 2, 4)
"""Bytes of a character: in UTF-8 and in every encoding that extends ASCII, in UTF-16, and in UTF-32."""

_OVERLAP: Final = LENGTH * max(_WIDTHS) - 1
"""The end of a piece that may be the beginning of a key."""


def _spread(text: bytes, width: int) -> bytes:
    """Return ASCII text as it is written in UTF-16 or UTF-32, from its first to its last byte that is not zero."""
    return (b"\0" * (width - 1)).join(bytes([byte]) for byte in text)


def _after_first(width: int) -> bytes:
    """Return the pattern of a key without its first byte."""
    prefixes = b"|".join(re.escape(_spread(prefix.encode(), width)[1:]) for prefix in PREFIXES)
    return b"(?:%b)(?:%b[0-9A-Za-z]){%d}" % (prefixes, b"\\0" * (width - 1), LENGTH - len(PREFIXES[0]))


# All alternatives have the same first byte, for which the engine searches much faster than for alternatives.
_KEY: Final = re.compile(b"p(?:%b)" % b"|".join(b"(%b)" % _after_first(width) for width in _WIDTHS))


class Match(NamedTuple):
    secret: Secret
    line: int


def keys_in(chunks: Iterable[bytes]) -> Iterator[Match]:
    """Yield each key with its line. Nothing needs to stand before or after a key, because it contains a checksum."""
    tail, offset, lines = b"", 0, 0
    for chunk in chunks:
        content = tail + chunk if tail else chunk
        ends = _LineEnds(content, offset)
        for found in _KEY.finditer(content):
            match = _match(found, ends) if found.end() > len(tail) else None
            if match is not None:
                yield match._replace(line=match.line + lines)
        kept = min(_OVERLAP, len(content))
        end = len(content) - kept
        lines += content.count(b"\n", 0, end)
        offset += end
        tail = content[end:]


def prefix_and_last4(secret: Secret) -> tuple[str, str]:
    """Return the parts of a key that may be shown."""
    text = secret.reveal()
    return text[:PREFIX_SHOWN], text[-LAST_SHOWN:]


def _match(found: re.Match[bytes], ends: "_LineEnds") -> Match | None:
    width = _WIDTHS[(found.lastindex or 1) - 1]
    text = found[0][::width].decode("ascii")
    if not has_checksum(text):
        return None
    return Match(Secret(text), ends.before(found.start(), width) + 1)


class _LineEnds:
    """Counts line ends before increasing positions of `content`, and reads every byte once in each encoding."""

    def __init__(self, content: bytes, offset: int) -> None:
        self._content = content
        self._offset = offset
        self._counted: dict[str, tuple[int, int]] = {}
        """By encoding: the position up to which line ends were counted, and their number."""

    def before(self, start: int, width: int) -> int:
        """Return the number of line ends before `start`. The byte 10 is also a part of other wide characters."""
        is_little = (self._offset + start) % width == 0
        encoding = "ascii" if width == 1 else f"utf-{8 * width}-{'le' if is_little else 'be'}"
        first = -self._offset % width
        position, number = self._counted.get(encoding, (first, 0))
        end = start if is_little else start - width + 1
        end = max(position, end - (end - first) % width)
        if width == 1:
            number += self._content.count(b"\n", position, end)
        else:
            number += self._content[position:end].decode(encoding, "replace").count("\n")
        self._counted[encoding] = end, number
        return number
