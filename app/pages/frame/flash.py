"""Messages about what the user just did, shown once on the next page.

The cookie contains a signed code and no text, so nothing that a user entered is stored in it. A message about a
resource also has its id and a time, and the page of the resource adds the name. After a removal, the cookie also says
what has the focus: the row next to the removed one, which had it.
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from msgspec import Struct

from app.auth.sessions import cookies_of
from app.handlers import HttpRequest, get_services, raw_request
from app.pages.wording.text import clock
from app.services import Services
from infrastructure.cursors import CursorInvalid

FlashCode = Literal[
    "alert_acknowledged",
    "key_changed",
    "key_disabled",
    "key_enabled",
    "key_revoked",
    "mcp_activated",
    "mcp_changed",
    "mcp_created",
    "mcp_deactivated",
    "mcp_deleted",
    "invitation_withdrawn",
    "member_changed",
    "member_removed",
    "ownership_transferred",
    "secret_ended",
    "mails_saved",
    "session_ended",
    "sessions_ended",
    "settings_changed",
    "webhook_changed",
    "webhook_created",
    "webhook_deleted",
    "webhook_disabled",
    "webhook_enabled",
    "delivery_retried",
]

TEXTS: dict[FlashCode, str] = {
    "alert_acknowledged": "The alert is acknowledged.",
    "key_changed": "Your changes are saved and apply to the next use of the key.",
    "key_disabled": "The key is disabled. It is refused until someone enables it.",
    "key_enabled": "The key is enabled. It works again with the same secret.",
    "key_revoked": "The key is revoked. It is refused everywhere, permanently.",
    "mcp_activated": "The server is active. Keys reach it again.",
    "mcp_changed": "Your changes to the server are saved.",
    "mcp_created": "The server is registered. Test it to list its tools.",
    "mcp_deactivated": "The server is inactive. Every call to it is refused.",
    "mcp_deleted": "The server is deleted. No key reaches it.",
    "invitation_withdrawn": "The invitation is withdrawn. Its link no longer works.",
    "member_changed": "The role is changed.",
    "member_removed": "The member is removed, and their keys are revoked.",
    "ownership_transferred": "The ownership is transferred. You are an admin now.",
    "secret_ended": "The old secret no longer works.",
    "mails_saved": "Your mail preferences are saved.",
    "session_ended": "The session has ended.",
    "sessions_ended": "All your other sessions have ended.",
    "settings_changed": "The settings are saved.",
    "webhook_changed": "Your changes to the webhook are saved.",
    "webhook_created": "The webhook is created. Send a test message to try it.",
    "webhook_deleted": "The webhook is deleted. Nothing is sent to it.",
    "webhook_disabled": "The webhook is disabled. Nothing is sent to it.",
    "webhook_enabled": "The webhook is enabled. It receives the next event.",
    "delivery_retried": "The message is sent again. Reload the page to see the result.",
}

NAMED: dict[FlashCode, str] = {
    "key_changed": "Your changes to “{name}” are saved and apply to its next use.",
    "key_disabled": "“{name}” is disabled. It has been refused since {time}, until someone enables it.",
    "key_enabled": "“{name}” is enabled. It has worked again since {time}, with the same secret.",
    "key_revoked": "“{name}” is revoked. It has been refused everywhere since {time}, permanently.",
    "secret_ended": "The earlier secret of “{name}” has been refused since {time}.",
}
"""The messages on the page of the resource that they are about."""

_COOKIE = "flash"
_LIFETIME = timedelta(seconds=30)


class Subject(NamedTuple):
    """The resource that a page is about."""

    id: str
    name: str


class Message(NamedTuple):
    """`focus` is the id of the row that has the focus, "main" for the content of the page, or empty."""

    text: str
    focus: str


class _Flash(Struct, frozen=True):
    code: FlashCode
    subject_id: str = ""
    at: datetime | None = None
    focus: str = ""


def flash_cookie(
    services: Services,
    code: FlashCode,
    person_id: str,
    subject_id: str = "",
    at: datetime | None = None,
    focus: str = "",
) -> str:
    """Return the Set-Cookie header for a message to this person, about something that happened at `at`."""
    signed = services.cursors.encode(_Flash(code, subject_id, at, focus), purpose=f"flash {person_id}")
    return cookies_of(services.config).set(_COOKIE, signed, _LIFETIME)


def flash_of(
    request: HttpRequest, person_id: str, subject: Subject | None = None, row_ids: Collection[str] = ()
) -> Message | None:
    """Return the message for this person in the request's cookie, if there is one.

    It names the subject of the page only if it is about that one: the user may open another page first. If the row that
    should have the focus is not one of `row_ids`, the content of the page has it.
    """
    services = get_services(request)
    value = cookies_of(services.config).read(raw_request(request), _COOKIE)
    if value is None:
        return None
    try:
        flash = services.cursors.decode(value, _Flash, purpose=f"flash {person_id}")
    except CursorInvalid:
        return None
    focus = flash.focus if flash.focus in ("", *row_ids) else "main"
    if subject is None or flash.subject_id != subject.id or flash.at is None or flash.code not in NAMED:
        return Message(TEXTS[flash.code], focus)
    return Message(NAMED[flash.code].format(name=subject.name, time=clock(flash.at)), focus)


def expired_flash(services: Services) -> str:
    """Return the Set-Cookie header that removes the message."""
    return cookies_of(services.config).expire(_COOKIE)
