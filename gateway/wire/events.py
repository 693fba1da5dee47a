"""Parser of server-sent events in a stream of bytes (HTML standard, section 9.2.6)."""

import re
from collections.abc import AsyncIterable, AsyncIterator

from msgspec import Struct

_LINE_END = re.compile(rb"\r\n|\n|\r")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class Event(Struct, frozen=True):
    """An event. `id` is that of the latest event that had one; `retry_ms` is the requested wait before resuming.

    An event without `data` contains only an `id` or `retry_ms`.
    """

    kind: str
    data: bytes
    id: str = ""
    retry_ms: int | None = None


class _Reader:
    """Parser state: the fields of the incomplete event, and those that persist across events."""

    def __init__(self) -> None:
        self._kind = ""
        self._data: list[bytes] = []
        self._has_news = False
        self._id = ""
        self._retry_ms: int | None = None

    def take(self, line: bytes) -> Event | None:
        """Add a line, and return the event that the line completes."""
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
        """Return the fields read so far as an event; None if there is no data, no id and no wait."""
        kind, data = self._kind or "message", b"\n".join(self._data)
        has_news, self._has_news, self._kind, self._data = self._has_news, False, "", []
        return Event(kind, data, self._id, self._retry_ms) if has_news else None


async def events(chunks: AsyncIterable[bytes]) -> AsyncIterator[Event]:
    """Yield the events. An event that ends the stream without an empty line is incomplete and discarded."""
    reader = _Reader()
    unfinished = bytearray()
    started, after_return = False, False
    async for received in chunks:
        chunk = received
        if not started and chunk:
            started, chunk = True, chunk.removeprefix(_BYTE_ORDER_MARK)
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
