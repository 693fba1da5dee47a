"""A plan: the steps that make what exists equal to the file, in the order in which they are done."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple

from keyledger.cli.exit_codes import UsageError

Kind = Literal["mcps", "keys", "webhooks"]
Action = Literal["create", "update", "revoke", "delete"]

NOUNS: Mapping[Kind, str] = {"mcps": "MCP", "keys": "key", "webhooks": "webhook"}


class Difference(NamedTuple):
    """A field that changes. `old` is None for a new object, and None can also be a value of either."""

    field: str
    old: object
    new: object


class Step(NamedTuple):
    """One change. `fields`: the arguments of the client's method. `revision`: what the object must still have.

    `address`: the address of the table of a new MCP, which is the reference to it in the permissions of keys. `status`:
    what is set after the creation or the update. `note`: a sentence for the reader of the plan.
    """

    kind: Kind
    action: Action
    name: str
    id: str | None
    differences: Sequence[Difference]
    fields: Mapping[str, Any]
    revision: int | None = None
    status: str | None = None
    address: str = ""
    has_secret: bool = False
    note: str = ""


class Other(NamedTuple):
    """An object that the file does not name. `use`: a phrase about its last use."""

    kind: Kind
    name: str
    id: str
    revision: int
    use: str


class Plan(NamedTuple):
    """`named_mcps`: ids of the MCPs that keys of the file name."""

    steps: Sequence[Step]
    unchanged: int
    others: Sequence[Other]
    notes: Sequence[str] = ()
    named_mcps: frozenset[str] = frozenset()


def pruned(plan: Plan, own_key_id: str | None) -> Plan:
    """Return the plan with a last step for each object that the file does not name, except the command's own key.

    Raise UsageError if a key of the file names an MCP that would be deleted.
    """
    needed = [f"“{other.name}” ({other.id})" for other in plan.others if other.id in plan.named_mcps]
    if needed:
        raise UsageError(
            f"Keys in the file name {', '.join(needed)}, which would be deleted. Add it to the file, or remove it from"
            " the keys. Nothing was changed."
        )
    own = [other for other in plan.others if other.id == own_key_id]
    steps = [_removal(other) for kind in ("webhooks", "keys", "mcps") for other in plan.others if other.kind == kind]
    notes = [f"“{other.name}” ({other.id}) is the key of this command, and stays." for other in own]
    kept = [step for step in steps if step.id != own_key_id]
    return Plan([*plan.steps, *kept], plan.unchanged, own, [*plan.notes, *notes])


def differences(current: Mapping[str, object], wanted: Mapping[str, object]) -> list[Difference]:
    """Return the fields of `wanted` that have another value in `current`."""
    return [Difference(field, current[field], value) for field, value in wanted.items() if current[field] != value]


def _removal(other: Other) -> Step:
    action: Action = "revoke" if other.kind == "keys" else "delete"
    return Step(other.kind, action, other.name, other.id, (), {}, other.revision, note=other.use)
