"""A call as a value: its request, the rules for its retries, and the type of its response.

The functions in `keyledger.endpoints` create calls. The two clients differ only in how they send them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Any, Generic, TypeAlias, TypeVar
from urllib.parse import urlencode

import msgspec
from msgspec import UNSET

from keyledger.errors import SecretLost
from keyledger.models.page import Page
from keyledger.secret import Secret

T = TypeVar("T")
S = TypeVar("S", bound=msgspec.Struct)
_RECOVERIES_MAX = 3
Query: TypeAlias = tuple[tuple[str, str], ...]


class Repeat(Enum):
    """When the client may retry a call automatically."""

    FREELY = auto()
    """A second request has no further effect."""
    WITH_IDEMPOTENCY_KEY = auto()
    """A second request has no further effect, because every attempt sends the same Idempotency-Key."""
    WHEN_REFUSED = auto()
    """After a 503, which means that no server was called, or if the request was never sent. Not after a lost response.
    """
    NEVER = auto()


@dataclass(frozen=True)
class Call(Generic[T]):
    """A call. `answers`: HTTP statuses beyond 2xx that are no error. `timeout_seconds` None: the client's timeout."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Query = ()
    # The body and the headers may contain a key or a credential, so no repr shows them.
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    repeat: Repeat = Repeat.FREELY
    answers: frozenset[int] = frozenset()
    timeout_seconds: float | None = None
    # Returns the call that replaces a secret whose response was lost. It is sent only after a retry of this same call.
    recover: "Callable[[SecretLost], Call[T]] | None" = None

    @property
    def target(self) -> str:
        """Return path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def after(self, cursor: str) -> "Call[T]":
        """Return the call for the same list, starting at the cursor."""
        kept = tuple(pair for pair in self.query if pair[0] not in {"page", "cursor"})
        return replace(self, query=(*kept, ("cursor", cursor)))


class _Answer(msgspec.Struct, Generic[T], frozen=True):
    data: T


class _Identified(msgspec.Struct, frozen=True):
    id: str
    revision: int
    key: str | None = None


def data_of(kind: type[S]) -> Callable[[bytes], S]:
    """Return a reader of `data`. The reader raises msgspec.ValidationError for a response of another shape."""
    decoder: msgspec.json.Decoder[_Answer[S]] = msgspec.json.Decoder(_Answer[kind], dec_hook=_secret)
    return lambda content: decoder.decode(content).data


def list_of(kind: type[S]) -> Callable[[bytes], tuple[S, ...]]:
    """Return a reader of `data` for a complete list without pages."""
    decoder: msgspec.json.Decoder[_Answer[tuple[S, ...]]] = msgspec.json.Decoder(_Answer[tuple[kind, ...]])
    return lambda content: decoder.decode(content).data


def page_of(kind: type[S]) -> Callable[[bytes], Page[S]]:
    """Return a reader of `data` and `pagination`."""
    decoder: msgspec.json.Decoder[Page[S]] = msgspec.json.Decoder(Page[kind])
    return decoder.decode


def data_with_secret(kind: type[S]) -> Callable[[bytes], S]:
    """Return a reader of `data` with a new secret. It raises `SecretLost` for a replayed response, which has none."""
    read, identify = data_of(kind), data_of(_Identified)

    def read_secret(content: bytes) -> S:
        identified = identify(content)
        if identified.key is None:
            raise SecretLost(identified.id, identified.revision)
        return read(content)

    return read_secret


def recovering(call: Call[T], again: Callable[[SecretLost], Call[T]], times: int = _RECOVERIES_MAX) -> Call[T]:
    """Return `call` with `again` as the recovery of a lost secret. It is applied at most `times` times."""
    if not times:
        return call

    def recover(lost: SecretLost) -> Call[T]:
        return recovering(again(lost), again, times - 1)

    return replace(call, recover=recover)


def json_body(**fields: object) -> bytes:
    """Return JSON of all fields that are not UNSET. None becomes null."""
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not UNSET})


def set_fields(**fields: object) -> dict[str, object]:
    """Return the fields that are not None, for `json_body`."""
    return {name: value for name, value in fields.items() if value is not None}


def query_of(**parameters: object) -> Query:
    """Return the parameters that are not None, as text."""
    given = ((name.rstrip("_"), value) for name, value in parameters.items() if value is not None)
    return tuple((name, value.isoformat() if hasattr(value, "isoformat") else str(value)) for name, value in given)  # type: ignore[attr-defined]


def with_headers(*, idempotency_key: str | None = None, if_match: int | None = None) -> dict[str, str]:
    headers: dict[str, str] = {}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    if if_match is not None:
        headers["If-Match"] = f'"{if_match}"'
    return headers


def _secret(kind: type, value: Any) -> Any:  # noqa: ANN401 -- the signature that msgspec calls
    if kind is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"{kind} is not decoded")
