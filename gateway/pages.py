"""Lists of an MCP server, read page by page. Entries that were read are kept if the rest cannot be requested."""

import msgspec
from msgspec import Raw, Struct

from gateway.wire.error_mapping import UnreadableResponse
from gateway.wire.messages import members
from gateway.wire.session import Session

_PAGES_MAX = 100  # the server's pagination may never end


class Entries(Struct, frozen=True):
    """The entries of a list. `end`: why the rest was not requested; None: the list is complete."""

    entries: list[Raw]
    end: str | None = None


async def entries_of(session: Session, method: str, name: str) -> Entries:
    """Return the entries of all pages of a list. Raise `UnreadableAnswer` for a response without entries."""
    entries: list[Raw] = []
    cursors: list[str] = []
    while True:
        page = members(await session.request(method, {"cursor": cursors[-1]} if cursors else {}))
        try:
            entries += msgspec.json.decode(page.get(name, b""), type=list[Raw])
        except msgspec.DecodeError:
            raise UnreadableResponse(f"Its answer has no list of {name}.") from None
        try:
            cursor = msgspec.json.decode(page.get("nextCursor", b"null"), type=str | None)
        except msgspec.DecodeError:
            return Entries(entries, "its nextCursor is not text")
        if not cursor:
            return Entries(entries)
        if cursor in cursors:
            return Entries(entries, "its nextCursor leads back to a page that was read")
        if len(cursors) + 1 >= _PAGES_MAX:
            return Entries(entries, f"it has more than {_PAGES_MAX} pages")
        cursors.append(cursor)
