"""One HTTP exchange outside the framework: the complete request, and the response."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, field

from app.http.errors import Problem
from domain.secret import redact

USER_AGENT_LENGTH_MAX = 300

_ATTACHED = "keyledger.inbound"


class RawRequest(Struct, frozen=True):
    """A request. Header names are lower-case bytes. `ip` is the client's address if it is known.

    `content` is the body. If `refused` is set, it is the reason why the body was not read; it is raised only after the
    key was checked. `reply_headers` are headers that the handler adds to the response, whether it is a success or an
    error.
    """

    method: str
    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    content: bytes
    request_id: str
    ip: str | None
    reply_headers: dict[str, str] = field(default_factory=dict[str, str])
    refused: Problem | None = None

    @property
    def body(self) -> bytes:
        """Return the body, or raise the reason why it was not read."""
        self.refuse_unread()
        return self.content

    def refuse_unread(self) -> None:
        """Raise the reason why the body was not read, if there is one, even on a route that does not use it."""
        if self.refused is not None:
            raise self.refused

    @property
    def user_agent(self) -> str | None:
        """Return the client's User-Agent, shortened and without control characters."""
        raw = self.headers.get(b"user-agent")
        if raw is None:
            return None
        return clean_user_agent(raw.decode("latin-1"))

    def header(self, name: str) -> str | None:
        raw = self.headers.get(name.encode("ascii"))
        return None if raw is None else raw.decode("latin-1")


class RawResponse(Struct, frozen=True):
    """A response. The middleware adds the headers that all responses have."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content_type: str = "application/json"


def clean_user_agent(user_agent: str) -> str:
    """Return a User-Agent in the form that may be recorded: shortened, without control characters and keys."""
    text = redact(user_agent)[:USER_AGENT_LENGTH_MAX]
    return text if text.isprintable() else "".join([c if c.isprintable() else "?" for c in text])


DirectRoute = Callable[[RawRequest], Awaitable[RawResponse]]
"""A route that bypasses the framework, because its overhead would slow down every use of a key."""


ProblemResponse = Callable[[Problem, str, str | None, str], RawResponse]
"""Returns the response with a problem, for the path, the Accept header and the id of a request."""


def bind_raw_request(scope: Any, inbound: RawRequest) -> None:  # noqa: ANN401 -- ASGI's scope is an open dictionary
    """Store the request in the scope for the framework's handlers."""
    scope[_ATTACHED] = inbound


def raw_request_from(scope: Any) -> RawRequest:  # noqa: ANN401 -- see above
    """Return the request that the middleware stored in the scope."""
    inbound: RawRequest = scope[_ATTACHED]
    return inbound
