"""Server-sent events, read from a stream of bytes (HTML standard, section 9.2.6)."""

import re
from collections.abc import AsyncIterable, AsyncIterator

from msgspec import Struct

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(Struct, frozen=True):
    """`id` is that of the latest event that had one; `retry_ms` is how long the server asks to wait before resuming.

    An event without `data` carries an `id` or `retry_ms` alone.
    """

    kind: str
    data: bytes
    id: str = ""
    retry_ms: int | None = None


class _Reader:
    """What was read of the event that is not complete yet, and what outlives an event."""

    def __init__(self) -> None:
        self._kind = ""
        self._data: list[bytes] = []
        self._has_news = False
        self._id = ""
        self._retry_ms: int | None = None

    def take(self, line: bytes) -> Event | None:
        """Take a line in; return the event that it completes."""
        if not line:
            return self.complete()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        match name:
            case b"data":
                self._has_news = True
                self._data.append(value)
            case b"event":
                self._kind = value.decode(errors="replace")
            case b"id" if b"\0" not in value:
                self._has_news = True
                self._id = value.decode("latin-1")
            case b"retry" if value.isdigit():
                self._has_news = True
                self._retry_ms = int(value[:9])
            case _:
                pass
        return None

    def complete(self) -> Event | None:
        """Return what there is as an event; None where neither data nor an id or a time to wait came."""
        kind, data = self._kind or "message", b"\n".join(self._data)
        has_news, self._has_news, self._kind, self._data = self._has_news, False, "", []
        return Event(kind, data, self._id, self._retry_ms) if has_news else None


async def events(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """Yield the events. One that the stream ends without the empty line after it is incomplete and discarded."""
    reader = _Reader()
    unfinished = bytearray()
    begun, after_return = False, False
    async for received in chunks:
        chunk = received
        if not begun and chunk:
            begun, chunk = True, chunk.removeprefix(_BYTE_ORDER_MARK)
        if after_return and chunk:
            after_return, chunk = False, chunk.removeprefix(b"\n")
        first, *others = _LINE_END.split(chunk)
        unfinished += first
        if not others:
            continue
        after_return = chunk.endswith(b"\r")
        for line in (bytes(unfinished), *others[:-1]):
            if (event := reader.take(line)) is not None:
                yield event
        unfinished = bytearray(others[-1])
