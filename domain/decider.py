"""The two pure functions that define every aggregate, and its events.

After Jérémie Chassaing's Decider pattern (2021).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


class ImpossibleHistory(Exception):
    """The log contains an event that cannot follow the events before it: the history is damaged."""

    def __init__(self, event: object) -> None:
        super().__init__(f"{type(event).__name__} cannot follow the events before it")


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, C, E]):
    """`decide(state, command)` returns events or raises a `Refusal`; `evolve(state, event)` returns the next state.

    `initial` is the state before the first event. `kind` is the aggregate's name in the log. `event_types` is closed.
    """

    kind: str
    initial: S
    decide: Callable[[S, C], tuple[E, ...]]
    evolve: Callable[[S, E], S]
    event_types: tuple[type[E], ...]

    def fold(self, events: Iterable[E], state: S | None = None) -> S:
        """Return the state after `events`, starting from `state` or from the initial state."""
        current = self.initial if state is None else state
        for event in events:
            current = self.evolve(current, event)
        return current
