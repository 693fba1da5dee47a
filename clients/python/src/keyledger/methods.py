"""Methods made of the functions in `keyledger.endpoints`, with the same arguments and documentation.

`create = Sent(keys.create_key)` in a class with a `sender` is a method that has the arguments of `keys.create_key` and
returns the response. `Awaited` is its async twin. `Iterated` and `AsyncIterated` follow a list through all of its
pages. `Streamed` and `AsyncStreamed` return a file in pieces.
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from functools import wraps
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from keyledger.call import Call
from keyledger.models.page import Page
from keyledger.transport import AsyncSender, Sender

P = ParamSpec("P")
T = TypeVar("T")


class Client:
    """A group of methods that are sent."""

    def __init__(self, sender: Sender) -> None:
        self.sender = sender


class AsyncClient:
    """A group of methods that are sent and awaited."""

    def __init__(self, sender: AsyncSender) -> None:
        self.sender = sender


class _Described(Generic[P, T]):
    def __init__(self, describe: Callable[P, Call[T]]) -> None:
        self._describe = describe
        self.__doc__ = describe.__doc__


class Sent(_Described[P, T]):
    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    def __get__(self, client: Client | None, owner: type) -> Self | Callable[P, T]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        def send(*args: P.args, **kwargs: P.kwargs) -> T:
            return sender.send(self._describe(*args, **kwargs))

        return send


class Awaited(_Described[P, T]):
    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(self, client: AsyncClient | None, owner: type) -> Self | Callable[P, Coroutine[Any, Any, T]]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        async def send(*args: P.args, **kwargs: P.kwargs) -> T:
            return await sender.send(self._describe(*args, **kwargs))

        return send


class Items(Iterator[T]):
    """The items of a list, whose pages are requested when needed."""

    def __init__(self, pages: Iterator[Sequence[T]]) -> None:
        self._pages = pages
        self._rest: Iterator[T] = iter(())

    def __next__(self) -> T:
        while True:
            for item in self._rest:
                return item
            self._rest = iter(next(self._pages))

    def pages(self) -> Iterator[Sequence[T]]:
        """Yield the items that are left, page by page. A page of a search can be short, or empty."""
        if rest := tuple(self._rest):
            yield rest
        yield from self._pages


class Iterated(_Described[P, Page[T]]):
    """Iterates over a list and requests each page when needed. The first request is sent for the first item."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, Iterator[T]]: ...
    def __get__(self, client: Client | None, owner: type) -> Self | Callable[P, Iterator[T]]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        def iterate(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return Items(_pages(sender, self._describe(*args, **kwargs)))

        return iterate


def _pages(sender: Sender, call: Call[Page[T]]) -> Iterator[Sequence[T]]:
    while True:
        page = sender.send(call)
        yield page.data
        if page.pagination.next_cursor is None:
            return
        call = call.after(page.pagination.next_cursor)


class AsyncIterated(_Described[P, Page[T]]):
    """The async twin of `Iterated`."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(self, client: AsyncClient | None, owner: type) -> Self | Callable[P, AsyncIterator[T]]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        async def iterate(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            call = self._describe(*args, **kwargs)
            while True:
                page = await sender.send(call)
                for item in page.data:
                    yield item
                if page.pagination.next_cursor is None:
                    return
                call = call.after(page.pagination.next_cursor)

        return iterate


class Streamed(_Described[P, bytes]):
    """Iterates over the content of a response as it arrives. The request is sent for the first piece."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, Iterator[bytes]]: ...
    def __get__(self, client: Client | None, owner: type) -> Self | Callable[P, Iterator[bytes]]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        def stream(*args: P.args, **kwargs: P.kwargs) -> Iterator[bytes]:
            return sender.stream(self._describe(*args, **kwargs))

        return stream


class AsyncStreamed(_Described[P, bytes]):
    """The async twin of `Streamed`."""

    @overload
    def __get__(self, client: None, owner: type) -> Self: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, AsyncIterator[bytes]]: ...
    def __get__(self, client: AsyncClient | None, owner: type) -> Self | Callable[P, AsyncIterator[bytes]]:
        if client is None:
            return self
        sender = client.sender

        @wraps(self._describe)
        def stream(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[bytes]:
            return sender.stream(self._describe(*args, **kwargs))

        return stream
