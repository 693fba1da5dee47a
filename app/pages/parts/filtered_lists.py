"""Lists with a filter bar: what the filters find, and what their form, chips and announcement say."""

from collections.abc import Callable, Collection, Mapping, Sequence
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

from msgspec import Struct

from app.http.errors import to_problem
from app.http.pagination import Pagination
from app.pages.query import Applied, address_of, applied_filters, given_filters, link_to
from app.pages.rendering import PageResponse
from app.pages.route_calls import ListPage
from app.pages.visit import Visit
from app.pages.wording.text import plural
from app.route import Route

T = TypeVar("T")


class Found(NamedTuple, Generic[T]):
    """A page of a list, or an empty one and a message for each filter that cannot be read."""

    page: ListPage[T]
    errors: Mapping[str, str]


class FilterBar(NamedTuple):
    """The filters of the list at the address `path`, for the template `parts/filters.html`.

    `carried` are filters without a field, which the form submits unchanged. `clear` is the address without filters.
    `result` is announced after the list was replaced. `labels` name the fields in messages about what was refused.
    `first`, `shown` and `older` are the addresses of pages of the list; `older` is None if there is no further one.
    """

    path: str
    applied: Sequence[Applied]
    carried: Sequence[tuple[str, object]]
    clear: str
    result: str
    first: str
    shown: str
    older: str | None
    errors: Mapping[str, str]
    labels: Mapping[str, str]

    @property
    def headers(self) -> dict[str, str]:
        """Return what says to a script that replaces the list which address to show: without empty fields."""
        return {"HX-Push-Url": self.shown}

    @property
    def newest(self) -> str | None:
        """Return the address of the first page, or None if it is shown."""
        return None if self.shown == self.first else self.first

    @property
    def status(self) -> int:
        return HTTPStatus.UNPROCESSABLE_ENTITY if self.errors else HTTPStatus.OK


def filter_bar(
    path: str,
    query: Struct,
    texts: Mapping[str, str],
    listed: ListPage[T],
    nouns: tuple[str, str],
    *,
    carried: Collection[str] = (),
    clear: str = "",
    errors: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
) -> FilterBar:
    """Return the bar for the filters in `query`, which found `listed`, called `nouns`: one of them, and several.

    `texts`: the words of each filter. `carried`: the filters without a field.
    """
    cursor = listed.pagination.next_cursor
    return FilterBar(
        path=path,
        applied=applied_filters(path, query, texts),
        carried=[(name, value) for name, value in given_filters(query).items() if name in carried],
        clear=clear or path,
        result="" if errors else _result(listed, nouns),
        first=link_to(path, query),
        shown=address_of(path, query),
        older=None if cursor is None else link_to(path, query, cursor=cursor),
        errors=errors or {},
        labels=labels or {},
    )


async def find(
    visit: Visit,
    route: Route,
    kind: type[T],
    parameters: Callable[[], Mapping[str, object]],
    labels: Collection[str],
    **path: str,
) -> Found[T]:
    """Return what the filters find, or a message for each of the fields `labels` that cannot be read.

    `parameters` returns those of the route, or raises 422 itself.
    """
    try:
        return Found(await visit.read_list(route, kind, parameters(), **path), {})
    except Exception as error:
        problem = to_problem(error)
        if problem.code != "validation_error" or not set(problem.details) <= set(labels):
            raise
        nothing = Pagination(page=None, per_page=1, total=None, total_pages=None, next_cursor=None)
        return Found(ListPage([], nothing), {name: str(message) for name, message in problem.details.items()})


async def list_page(visit: Visit, template: str, bar: FilterBar, **values: Any) -> PageResponse:  # noqa: ANN401
    """Return the page of the list of `bar`, which the template gets too."""
    return await visit.page(template, status=bar.status, headers=bar.headers, bar=bar, **values)


def _result(listed: ListPage[T], nouns: tuple[str, str]) -> str:
    """Return how many items a list has, or how many of them the page shows if they are not counted: "3 keys."."""
    pagination, shown = listed.pagination, len(listed.data)
    if not shown:
        return f"No {nouns[1]} match so far." if pagination.next_cursor else f"No {nouns[1]} match."
    if pagination.total is None:
        more = " There are more." if pagination.next_cursor else ""
        return f"{plural(shown, *nouns)} shown.{more}"
    return f"{'At least ' if pagination.total_exact is False else ''}{plural(pagination.total, *nouns)}."
