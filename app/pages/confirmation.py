"""Pages that ask before an action: GET shows its consequences, and POST performs it."""

from collections.abc import Sequence

from msgspec import Struct

from app.pages.form_refusals import ACCEPTED, Refusal
from app.pages.rendering import PageResponse
from app.pages.visit import Visit


class Action(Struct, frozen=True, kw_only=True):
    """An action that a page asks about. `crumbs` lead back, and the last one is where "Cancel" leads."""

    title: str
    path: str
    crumbs: Sequence[tuple[str, str]]
    consequences: Sequence[str]
    button: str
    revision: int | str = ""
    is_danger: bool = False
    link: tuple[str, str] | None = None
    """A text and an address, for more about the consequences."""

    typed: str = ""
    """What the user types before the action is performed."""


async def confirmation_page(visit: Visit, action: Action, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page("confirm_action.html", status=refusal.status, action=action, refusal=refusal)


def not_typed(visit: Visit, action: Action) -> Refusal | None:
    """Return the refusal of a form whose confirmation is not the expected text, ignoring case and outer spaces."""
    given = visit.fields.one("confirmation").strip()
    if " ".join(given.split()).casefold() == " ".join(action.typed.split()).casefold():
        return None
    return Refusal({"confirmation": f"Type “{action.typed}” exactly."}, "", 422)
