"""Pages that ask before an action: GET shows its consequences, and POST performs it."""

from collections.abc import Awaitable, Callable, Sequence

from msgspec import Struct

from app.pages.forms.refusals import ACCEPTED, Refusal, refusal_of
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
    """The text that the user types before the action is performed."""


async def confirmation_page(visit: Visit, action: Action, refusal: Refusal = ACCEPTED) -> PageResponse:
    return await visit.page(
        "confirm_action.html", status=refusal.status, action=action, refusal=refusal, next_row=visit.next_row
    )


async def perform(
    visit: Visit, change: Awaitable[object], action: Callable[[], Awaitable[Action]], resource_id: str
) -> PageResponse | None:
    """Perform the change of an action. Return None, or the page with the reason if the change was refused.

    The page then describes the action as it is now: another change may have come first.
    """
    try:
        await change
    except Exception as error:  # noqa: BLE001 -- raised again unless the page can explain it
        refusal = await refusal_of(visit, error, (), resource_id)
        return await confirmation_page(visit, await action(), refusal)
    return None


def not_typed(visit: Visit, action: Action) -> Refusal | None:
    """Return the refusal of a form whose confirmation is not the expected text, ignoring case and outer spaces."""
    given = visit.fields.one("confirmation").strip()
    if " ".join(given.split()).casefold() == " ".join(action.typed.split()).casefold():
        return None
    return Refusal({"confirmation": f"Type “{action.typed}” exactly."}, "", 422)
