"""One HTTP exchange as the edge sees it: the request, read whole, and the reply."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from msgspec import Struct, field

from app.http.errors import Problem
from domain.secret import redact

USER_AGENT_LENGTH_MAX = 300

_ATTACHED = "keyledger.inbound"


class RawRequest(Struct, frozen=True):
    """A request. Header names are lower-case bytes; `ip` is the client's address as far as it is known.

    `content`: the body, unless it is `refused`, which is why it was not read as a whole. The refusal waits until the
    key was judged. `reply_headers`: what the handler of the request wants to stand in the reply, be it a success or
    an error.
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
        """The body. Raises the reason for which it was not read."""
        self.refuse_unread()
        return self.content

    def refuse_unread(self) -> None:
        """Raise the reason for which the body was not read, if there is one: no route does without it."""
        if self.refused is not None:
            raise self.refused

    @property
    def user_agent(self) -> str | None:
        """What the client calls itself, shortened, without control characters."""
        raw = self.headers.get(b"user-agent")
        if raw is None:
            return None
        return clean_user_agent(raw.decode("latin-1"))

    def header(self, name: str) -> str | None:
        raw = self.headers.get(name.encode("ascii"))
        return None if raw is None else raw.decode("latin-1")


class RawResponse(Struct, frozen=True):
    """A reply. The edge adds the headers that every reply has."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict[str, str])
    content_type: str = "application/json"


def clean_user_agent(user_agent: str) -> str:
    """What a client calls itself, as it may be recorded: shortened, without control characters and without a key."""
    text = redact(user_agent)[:USER_AGENT_LENGTH_MAX]
    return text if text.isprintable() else "".join([c if c.isprintable() else "?" for c in text])


DirectRoute = Callable[[RawRequest], Awaitable[RawResponse]]
"""A route that is served without the framework, because each use of a key pays for every microsecond of it."""


def bind_raw_request(scope: Any, inbound: RawRequest) -> None:  # noqa: ANN401 -- ASGI's scope is an open dictionary
    """Put the request where the framework's handlers find it."""
    scope[_ATTACHED] = inbound


def raw_request_from(scope: Any) -> RawRequest:  # noqa: ANN401 -- see above
    """The request that the edge attached to the scope."""
    inbound: RawRequest = scope[_ATTACHED]
    return inbound
