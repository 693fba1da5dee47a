"""Given events, when a command, then events, nothing, or a refusal.

After the decider specification of emmett (event-driven-io).
"""

from dataclasses import dataclass
from typing import Generic, TypeVar

from domain.decider import Decider
from domain.refusal import Refusal

S = TypeVar("S")
C = TypeVar("C")
E = TypeVar("E")


@dataclass(frozen=True)
class Given(Generic[S, C, E]):
    decider: Decider[S, C, E]
    state: S

    def when(self, command: C) -> "When[E]":
        try:
            return When(self.decider.decide(self.state, command), None)
        except Refusal as refusal:
            return When((), refusal)


@dataclass(frozen=True)
class When(Generic[E]):
    events: tuple[E, ...]
    refusal: Refusal | None

    def then(self, *events: E) -> None:
        assert self.refusal is None, self.refusal
        assert self.events == events

    def then_nothing(self) -> None:
        self.then()

    def then_refused(self, kind: type[Refusal], **details: object) -> None:
        assert self.refusal is not None, self.events
        assert type(self.refusal) is kind, self.refusal
        assert self.refusal.details == details


def given(decider: Decider[S, C, E], *events: E) -> Given[S, C, E]:
    return Given(decider, decider.fold(events))
