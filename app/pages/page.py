"""The declaration of a page of the dashboard: its address and who may open it, next to its handler.

    @Page("GET", "/keys", access="keys:read")
    async def key_list_page(visit: Visit) -> PageResponse: ...

A visitor without a session is sent to sign in and then back to the page. A role that may not open the page gets 403.
The form of a POST is accepted only with the token of the session. Errors are shown in the frame.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, Literal

from litestar.handlers import HTTPRouteHandler
from msgspec import Struct, structs
from structlog.contextvars import bind_contextvars

from app.auth.authorization import Access, require_access
from app.auth.csrf import require_csrf_token
from app.handlers import HttpRequest, HttpResponse, get_services, raw_request
from app.pages.compression import compressed
from app.pages.fields import Fields, fields_of
from app.pages.rendering import AS_PAGE, PageResponse, for_script
from app.pages.session.visitor import current_session, is_script, sign_in_redirect
from app.pages.visit import Visit

Handler = Callable[..., Awaitable[PageResponse]]

_PARAMETER = re.compile(r"\{(\w+)\}")


async def _no_handler(*_: object, **__: object) -> PageResponse:
    raise LookupError("This page has no handler: Page is a decorator")


class Page(Struct, frozen=True):
    method: Literal["GET", "POST"]
    path: str
    """With parameters in braces, such as `/keys/{key_id}`."""

    access: Access
    """The management grant that the visitor's role must have, "people" for all roles, or "owner"."""

    handler: Handler = _no_handler

    def __call__(self, handler: Handler) -> "Page":
        """Return the page with its handler, which gets the visit and the parameters of the path."""
        return structs.replace(self, handler=handler)

    def to_framework(self) -> HTTPRouteHandler:
        """Return the page for Litestar."""

        async def handle(request: HttpRequest) -> PageResponse | HttpResponse:
            fields = fields_of(request) if self.method == "POST" else Fields()
            visitor = await current_session(request)
            if visitor is None:
                return sign_in_redirect(request)
            bind_contextvars(organization_id=visitor.person.organization_id, user_id=visitor.person.user_id)
            visit = Visit(request, *visitor, fields)
            try:
                if self.method == "POST":
                    config, token = get_services(request).config, fields.one("csrf_token")
                    require_csrf_token(raw_request(request), config, visitor.secret, token)
                require_access(visitor.person, self.access)
                response = await self.handler(visit, **request.path_params)
                return compressed(request, for_script(response) if is_script(request) else response)
            except Exception as error:  # noqa: BLE001 -- every exception becomes an error page
                return await visit.error_page(error)

        handle.__name__, handle.__module__ = self.handler.__name__, self.handler.__module__
        path = _PARAMETER.sub(r"{\1:str}", self.path)
        options: dict[str, Any] = {"access": "anyone", "exception_handlers": AS_PAGE}
        return HTTPRouteHandler(path, http_method=self.method, status_code=200, **options)(handle)
