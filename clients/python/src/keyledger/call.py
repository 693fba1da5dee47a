"""A call as a value: what is to be sent, when it may be sent again, and what the answer is read as.

The functions in `keyledger.endpoints` make these; sending them is all that the two clients do differently.
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
    """When a call may be sent again by itself."""

    FREELY = auto()
    """Sent twice it does no more than once."""
    UNDER_ONE_KEY = auto()
    """As above because it carries an Idempotency-Key, the same each time."""
    WHEN_REFUSED = auto()
    """After 503, which says that no server was asked, and when it was never sent; not after an answer that was lost."""
    NEVER = auto()


@dataclass(frozen=True)
class Call(Generic[T]):
    """`answers`: the HTTP statuses that are no error beside 2xx; `timeout_seconds`: None for the client's own."""

    method: str
    path: str
    read: Callable[[bytes], T]
    query: Query = ()
    # What is sent and how may hold a key or a credential: no repr shows it.
    body: bytes | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    repeat: Repeat = Repeat.FREELY
    answers: frozenset[int] = frozenset()
    timeout_seconds: float | None = None
    # What gives a secret in the place of one whose answer was lost: sent only after a repeat of this very call.
    recover: "Callable[[SecretLost], Call[T]] | None" = None

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{urlencode(self.query)}" if self.query else self.path

    def after(self, cursor: str) -> "Call[T]":
        """The same list from the cursor on."""
        kept = tuple(pair for pair in self.query if pair[0] not in {"page", "cursor"})
        return replace(self, query=(*kept, ("cursor", cursor)))


class _Answer(msgspec.Struct, Generic[T], frozen=True):
    data: T


class _Identified(msgspec.Struct, frozen=True):
    id: str
    revision: int
    key: str | None = None


def data_of(kind: type[S]) -> Callable[[bytes], S]:
    """Reads `data` of an answer. Raises msgspec.ValidationError where the answer is of another shape."""
    decoder: msgspec.json.Decoder[_Answer[S]] = msgspec.json.Decoder(_Answer[kind], dec_hook=_secret)
    return lambda content: decoder.decode(content).data


def list_of(kind: type[S]) -> Callable[[bytes], tuple[S, ...]]:
    """Read `data` of an answer that is a whole list, without pages."""
    decoder: msgspec.json.Decoder[_Answer[tuple[S, ...]]] = msgspec.json.Decoder(_Answer[tuple[kind, ...]])
    return lambda content: decoder.decode(content).data


def page_of(kind: type[S]) -> Callable[[bytes], Page[S]]:
    """Reads an answer with `data` and `pagination`."""
    decoder: msgspec.json.Decoder[Page[S]] = msgspec.json.Decoder(Page[kind])
    return decoder.decode


def data_with_secret(kind: type[S]) -> Callable[[bytes], S]:
    """Reads `data` with a new secret. Raises `SecretLost` for a repeat of an answer, which has none."""
    read, identify = data_of(kind), data_of(_Identified)

    def read_secret(content: bytes) -> S:
        identified = identify(content)
        if identified.key is None:
            raise SecretLost(identified.id, identified.revision)
        return read(content)

    return read_secret


def recovering(call: Call[T], again: Callable[[SecretLost], Call[T]], times: int = _RECOVERIES_MAX) -> Call[T]:
    """`call` with `again` for a secret whose answer was lost, and for the answer to that, `times` in all."""
    if not times:
        return call

    def recover(lost: SecretLost) -> Call[T]:
        return recovering(again(lost), again, times - 1)

    return replace(call, recover=recover)


def json_body(**fields: object) -> bytes:
    """JSON of the fields that are set; None is sent as null."""
    return msgspec.json.encode({name: value for name, value in fields.items() if value is not UNSET})


def set_fields(**fields: object) -> dict[str, object]:
    """The fields that are not None, for `json_body`."""
    return {name: value for name, value in fields.items() if value is not None}


def query_of(**parameters: object) -> Query:
    """The parameters that are not None, as text."""
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
