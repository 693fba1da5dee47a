"""Bindings of the tables of the file to existing objects: by id, or by name and, if needed, by environment."""

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


class Binding(NamedTuple, Generic[T, E]):
    """A table and the object that it means; None: it is to be created. `address`: where the table is in the file."""

    address: str
    table: T
    found: E | None


def bind(
    kind: str, tables: Sequence[T], existing: Sequence[E], label_of: Callable[[E], str], problems: list[str]
) -> list[Binding[T, E]]:
    """Return the bindings of the tables. An ambiguous table is added to `problems`, and left out."""
    by_id = {each.id: each for each in existing}
    named_by_id = {table.id for table in tables}
    by_label: dict[str, list[E]] = {}
    for each in existing:
        if each.id not in named_by_id:
            by_label.setdefault(label_of(each), []).append(each)
    repeated = Counter(table.label for table in tables if table.id is None)
    bindings: list[Binding[T, E]] = []
    for number, table in enumerate(tables, 1):
        address = f"{kind}[{number}] (“{table.label}”)"
        if table.id is not None:
            if table.id in by_id:
                bindings.append(Binding(address, table, by_id[table.id]))
            else:
                problems.append(
                    f"{address}: there is no {table.id}, or it no longer works. Remove the id to create one."
                )
            continue
        found = _candidates(table, by_label.get(table.label, []), is_repeated=repeated[table.label] > 1)
        if len(found) > 1:
            ids = ", ".join(each.id for each in found)
            problems.append(f"{address} can mean any of {ids}. Add its id to the table.")
        else:
            bindings.append(Binding(address, table, found[0] if found else None))
    problems += _duplicates(bindings)
    return bindings


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


def _duplicates(bindings: Sequence[Binding[T, E]]) -> list[str]:
    """Return the problems of tables that mean the same object, existing or new."""
    seen: dict[object, str] = {}
    problems: list[str] = []
    for address, table, found in bindings:
        for same in [found.id] if found is not None else _identities(table):
            if same in seen and seen[same] != address:
                remedy = "Give each an id" if found is not None else "Give them different names, or environments"
                problems.append(f"{address} and {seen[same]} mean the same. {remedy}.")
            seen[same] = address
    return problems


def _identities(table: Table) -> list[object]:
    """Return the names under which a new object is known. Without an environment, it can be of any."""
    environment = environment_of(table)
    environments = ("live", "test") if environment is None else (environment,)
    return [(table.label, each) for each in environments]
