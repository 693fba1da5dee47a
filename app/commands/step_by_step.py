"""The error of a request that makes several changes one after the other and fails between two of them."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from eventstore.errors import ConcurrentChange, PartlyDone
from infrastructure.database.errors import UNAVAILABLE, Unavailable, Unconfirmed

_MOVED = (
    "A part of the change was made before the resource or the calling key was modified concurrently."
    " Retry the request to complete it."
)


@contextmanager
def step_by_step(done: Callable[[], object]) -> Generator[None]:
    """Raise `PartlyDone` in place of an error that occurs after `done` returns a true value."""
    try:
        yield
    except ConcurrentChange as error:
        if not done():
            raise
        raise PartlyDone(_MOVED) from error
    except (Unavailable, *UNAVAILABLE) as error:
        if isinstance(error, Unconfirmed) or not done():
            raise
        raise PartlyDone from error
