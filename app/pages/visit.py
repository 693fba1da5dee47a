"""The visit of a signed-in user to a page: their form, the routes they call, and the page in the frame.

The values of a template may be of any type.
"""

import asyncio
from collections.abc import AsyncGenerator, Collection, Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any, TypeVar

from msgspec import Struct

from app.auth.callers import PersonCaller
from app.auth.sessions import csrf_token
from app.handlers import HttpRequest, get_services, raw_request
from app.http.errors import Problem, to_problem
from app.pages import route_calls
from app.pages.fields import Fields
from app.pages.frame.flash import FlashCode, Message, Subject, expired_flash, flash_cookie, flash_of
from app.pages.frame.navigation import Link, links_of
from app.pages.frame.shortcuts import has_shortcuts
from app.pages.frame.theme import Theme, theme_of
from app.pages.query import page_query
from app.pages.rendering import PageResponse, error_texts, go_to, page
from app.pages.route_calls import Called, ListPage
from app.pages.session.visitor import START, is_script
from app.pages.wording.error_words import role_words
from app.route import Route
from domain.grants import Grant
from infrastructure.clock import now
from projections.read_models.alerts.list.queries import open_count
from projections.read_models.members.list.queries import Filters, emails
from projections.read_models.members.list.queries import page as members
from projections.read_models.organizations.list.queries import organization_of

T = TypeVar("T")

_ID_LENGTH_MAX = 64

_INSTEAD_OF_CONTENT = {"HX-Retarget": "#main", "HX-Reselect": "#main", "HX-Reswap": "outerHTML"}
"""A script that asked for a part of a page shows the page about a refused value in place of the content.

It shows a message about any other error, and leaves the content as it is.
"""


class _NextRow(Struct, frozen=True):
    next_row: str = ""


class Frame(Struct, frozen=True):
    """The parts of every page of the dashboard that surround its content."""

    organization: str
    user: str
    role: str
    csrf_token: str
    links: list[Link]
    home: str
    flash: Message | None
    theme: Theme
    has_shortcuts: bool
    has_other_organization: bool


class Visit(Struct, frozen=True):
    """`fields` are empty unless a form was submitted. Its CSRF token was checked."""

    request: HttpRequest
    person: PersonCaller
    secret: str
    has_other_organization: bool
    fields: Fields

    @property
    def path(self) -> str:
        return raw_request(self.request).path

    def can(self, grant: Grant) -> bool:
        return grant in self.person.grants

    async def read(self, route: Route, kind: type[T], /, query: Mapping[str, object] | None = None, **path: str) -> T:
        """Return the `data` of a GET route, a `kind`."""
        return await route_calls.read(self.request, self.person, route, kind, query, **path)

    async def read_list(
        self, route: Route, kind: type[T], /, query: Mapping[str, object] | None = None, **path: str
    ) -> ListPage[T]:
        """Return one page of the list of a GET route, whose items are of `kind`."""
        return await route_calls.read_list(self.request, self.person, route, kind, query, **path)

    async def read_pages(
        self, route: Route, kind: type[T], /, query: Mapping[str, object] | None = None, **path: str
    ) -> AsyncGenerator[list[T]]:
        """Yield the items of each page of the list of a GET route, one page after the other."""
        cursor: str | None = None
        while True:
            listed = await self.read_list(route, kind, {**(query or {}), "cursor": cursor}, **path)
            yield listed.data
            cursor = listed.pagination.next_cursor
            if cursor is None:
                return

    async def change(
        self,
        route: Route,
        kind: type[T],
        /,
        body: Mapping[str, object] | None = None,
        revision: str = "",
        idempotency_key: str = "",
        **path: str,
    ) -> Called[T]:
        """Call a route that changes something, with the parameters of `route_calls.change`."""
        return await route_calls.change(self.request, self.person, route, kind, body, revision, idempotency_key, **path)

    async def page(
        self,
        template: str,
        *,
        status: int = 200,
        subject: Subject | None = None,
        headers: Mapping[str, str] | None = None,
        row_ids: Collection[str] = (),
        **values: Any,  # noqa: ANN401
    ) -> PageResponse:
        """Return a page in the frame, about `subject` if it is about one resource.

        `row_ids` are those of the rows that can have the focus after a removal. Templates also get `frame`, `can` and
        the time `now`.
        """
        frame = await self._frame(subject, row_ids)
        response = page(template, status=status, headers=headers, frame=frame, can=self.can, now=now(), **values)
        if frame.flash is not None:
            response.headers["Set-Cookie"] = expired_flash(get_services(self.request))
        return response

    def fragment(self, template: str, *, headers: Mapping[str, str] | None = None, **values: Any) -> PageResponse:  # noqa: ANN401
        """Return a part of a page, which a script inserts."""
        return page(template, headers=headers, can=self.can, now=now(), csrf_token=self.csrf_token, **values)

    @property
    def csrf_token(self) -> str:
        return csrf_token(self.secret)

    @property
    def next_row(self) -> str:
        """Return the id of the row next to the one that a form removes, from the form or the address of its page."""
        given = self.fields.one("next_row") or page_query(self.request, _NextRow).next_row
        return given if len(given) <= _ID_LENGTH_MAX else ""

    def go_to(
        self,
        path: str,
        flash: FlashCode | None = None,
        subject_id: str = "",
        at: datetime | None = None,
        *,
        has_removed: bool = False,
    ) -> PageResponse:
        """Redirect to a page of this site, which then shows the message `flash`.

        On the page about the resource `subject_id`, the message has its name and the time `at`, by default now. If the
        form `has_removed` a row, the next one gets the focus, or else the content of the page.
        """
        if flash is None:
            return go_to(path)
        focus = (self.next_row or "main") if has_removed else ""
        cookie = flash_cookie(get_services(self.request), flash, self.person.user_id, subject_id, at or now(), focus)
        return go_to(path, {"Set-Cookie": cookie})

    async def error_page(self, error: Exception) -> PageResponse:
        """Return the page that explains an error, in the frame."""
        problem: Problem = to_problem(error)
        texts = error_texts(problem)
        required: Any = problem.details.get("required")
        if problem.code == "forbidden" and required:
            texts |= role_words(self.person.role, required[0], await self._owner())._asdict()
        response = await self.page(
            "problem_in_frame.html",
            status=problem.status,
            request_id=raw_request(self.request).request_id,
            **texts,
        )
        response.headers.update(problem.headers)
        if is_script(self.request) and problem.status == HTTPStatus.UNPROCESSABLE_ENTITY:
            response.headers.update(_INSTEAD_OF_CONTENT)
        return response

    async def _owner(self) -> str | None:
        """Return the address of the owner of the organization."""
        owners = Filters(self.person.organization_id, "owner")
        async with get_services(self.request).read_transaction(self.person.organization_id) as connection:
            return next((each.email for each in await members(connection, owners, limit=1, offset=0)), None)

    async def _frame(self, subject: Subject | None, row_ids: Collection[str]) -> Frame:
        services, person = get_services(self.request), self.person
        async with services.read_transaction(person.organization_id) as connection, connection.pipeline():
            organization, addresses, open_alerts = await asyncio.gather(
                organization_of(connection, person.organization_id),
                emails(connection, [person.user_id]),
                open_count(connection, person.organization_id) if self.can("alerts:read") else _none(),
            )
        return Frame(
            organization="" if organization is None else organization.name,
            user=addresses.get(person.user_id) or person.user_id,
            role=person.role,
            csrf_token=self.csrf_token,
            links=links_of(person, self.path, {"/alerts": open_alerts}),
            home=START,
            flash=flash_of(self.request, person.user_id, subject, row_ids),
            theme=theme_of(self.request),
            has_shortcuts=has_shortcuts(self.request),
            has_other_organization=self.has_other_organization,
        )


async def _none() -> int:
    return 0
