"""Performance targets and their comparison with measured figures.

A missed target is reported but is no failure: the speed of a machine on a given day is not a fault of the program.
Wrong results, as opposed to slow ones, fail elsewhere.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Target(NamedTuple):
    """A target. `wanted` is a lower bound if `at_least`, otherwise an upper bound. Both figures are in `unit`."""

    name: str
    measured: float
    wanted: float
    unit: str = ""
    at_least: bool = True

    @property
    def met(self) -> bool:
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted

    def __str__(self) -> str:
        bound = "at least" if self.at_least else "at most"
        figures = f"{self.name}: {_number(self.measured)}{self.unit}, {bound} {_number(self.wanted)}{self.unit} wanted"
        return f"  {'met   ' if self.met else 'MISSED'}  {figures}"


def print_targets(targets: Iterable[Target]) -> None:
    print("\nTargets")
    for target in targets:
        print(target)
    print(flush=True)


def _number(figure: float) -> str:
    return f"{figure:,.0f}" if figure >= 1_000 else f"{figure:.2f}"
