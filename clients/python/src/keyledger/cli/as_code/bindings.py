"""The existing object that each table of the file means: by its id, or by its name and, if needed, its environment."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

from keyledger.models.keys import Key
from keyledger.models.mcps import Mcp
from keyledger.models.webhooks import Webhook


class Table(Protocol):
    @property
    def id(self) -> str | None: ...
    @property
    def label(self) -> str: ...


T = TypeVar("T", bound=Table)
E = TypeVar("E", Key, Mcp, Webhook)


class Match(NamedTuple, Generic[T, E]):
    """A table, its place in the file, and the object that it means; None: it is to be created."""

    place: str
    table: T
    found: E | None


def match(
    kind: str, tables: Sequence[T], existing: Sequence[E], label_of: Callable[[E], str], problems: list[str]
) -> list[Match[T, E]]:
    """Return the tables with their objects. What is ambiguous is added to `problems`, and left out."""
    by_id = {each.id: each for each in existing}
    named_by_id = {table.id for table in tables}
    by_label: dict[str, list[E]] = {}
    for each in existing:
        if each.id not in named_by_id:
            by_label.setdefault(label_of(each), []).append(each)
    repeated = Counter(table.label for table in tables if table.id is None)
    matches: list[Match[T, E]] = []
    for number, table in enumerate(tables, 1):
        place = f"{kind}[{number}] (“{table.label}”)"
        if table.id is not None:
            if table.id in by_id:
                matches.append(Match(place, table, by_id[table.id]))
            else:
                problems.append(f"{place}: there is no {table.id}, or it works no more. Remove the id to create one.")
            continue
        found = _candidates(table, by_label.get(table.label, []), is_repeated=repeated[table.label] > 1)
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            problems.append(f"{place} can mean any of {ids}. Add its id to the table.")
        else:
            matches.append(Match(place, table, found[0] if found else None))
    problems += _doubles(matches)
    return matches


def environment_of(item: object) -> str | None:
    return getattr(item, "environment", None)


def _candidates(table: Table, labelled: Sequence[E], *, is_repeated: bool) -> Sequence[E]:
    """Return the objects that a table without an id can mean.

    The environment selects one of several objects or tables with the same name. Otherwise, it is a changed field.
    """
    environment = environment_of(table)
    if environment is None:
        return labelled
    same = [each for each in labelled if environment_of(each) == environment]
    return same if same or is_repeated else labelled


def _doubles(matches: Sequence[Match[T, E]]) -> list[str]:
    """Return the problems of tables that mean the same object, existing or new."""
    seen: dict[object, str] = {}
    problems: list[str] = []
    for place, table, found in matches:
        for same in [found.id] if found is not None else _identities(table):
            if same in seen and seen[same] != place:
                remedy = "Give each an id" if found is not None else "Give them different names, or environments"
                problems.append(f"{place} and {seen[same]} mean the same. {remedy}.")
            seen[same] = place
    return problems


def _identities(table: Table) -> list[object]:
    """Return the names under which a new object is known. Without an environment, it can be of any."""
    environment = environment_of(table)
    environments = ("live", "test") if environment is None else (environment,)
    return [(table.label, each) for each in environments]
