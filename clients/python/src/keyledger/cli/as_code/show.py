"""A plan as people and programs read it."""

import sys
from collections import Counter
from collections.abc import Sequence

from keyledger.cli.as_code.execute import Done
from keyledger.cli.as_code.plan import NOUNS, Difference, Plan, Step
from keyledger.cli.output import print_json, text_of
from keyledger.cli.tables import has_colors, printable
from keyledger.secret import redacted

_COLORS = {"create": "32", "update": "33", "revoke": "31", "delete": "31"}
_OTHERS_MAX = 20


def print_plan(plan: Plan) -> None:
    """Print every step with its fields, and a summary."""
    for step in plan.steps:
        print(_colored(step, described(step)))
        for each in step.differences:
            print(f"    {_difference(step, each)}")
        if step.note and step.action == "create":
            print(f"    {step.note}")
    for other in plan.others[:_OTHERS_MAX]:
        print(_safe(f"not in the file: {NOUNS[other.kind]} “{other.name}” ({other.id})"))
    if len(plan.others) > _OTHERS_MAX:
        print(f"not in the file: {len(plan.others) - _OTHERS_MAX:,} more")
    for note in plan.notes:
        print(_safe(note))
    print(_summary(plan))


def print_json_plan(plan: Plan, done: Sequence[Done]) -> None:
    """Print the plan as one JSON document. `done`: the steps that were executed, in order."""
    steps = [
        {
            "action": step.action,
            "kind": step.kind,
            "name": step.name,
            "id": done[number].id if number < len(done) else step.id,
            "fields": {each.field: {"old": each.old, "new": each.new} for each in step.differences},
            "done": number < len(done),
            "file": str(done[number].file) if number < len(done) and done[number].file else None,
        }
        for number, step in enumerate(plan.steps)
    ]
    others = [{"kind": other.kind, "name": other.name, "id": other.id} for other in plan.others]
    print_json({"changes": steps, "unchanged": plan.unchanged, "not_in_file": others, "notes": plan.notes})


def print_done(done: Done) -> None:
    where = "" if done.file is None else f"; its secret is in {done.file}"
    past = {"create": "created", "update": "updated", "revoke": "revoked", "delete": "deleted"}[done.step.action]
    print(_safe(f"{past} {NOUNS[done.step.kind]} “{done.step.name}” ({done.id}){where}"))
    sys.stdout.flush()


def described(step: Step) -> str:
    """Return a step in words, with the last use of what is removed."""
    known = "" if step.id is None else f" ({step.id})"
    use = f", {step.note}" if step.action in {"revoke", "delete"} else ""
    return _safe(f"{step.action} {NOUNS[step.kind]} “{step.name}”{known}{use}")


def _difference(step: Step, each: Difference) -> str:
    if step.action == "create" or each.new == "is sent":
        return _safe(f"{each.field}: {text_of(each.new)}")
    return _safe(f"{each.field}: {_value(each.old)} → {_value(each.new)}")


def _value(value: object) -> str:
    return "none" if value is None else f'"{value}"' if isinstance(value, str) else text_of(value)


def _summary(plan: Plan) -> str:
    numbers = Counter(step.action for step in plan.steps)
    counts = [
        (numbers["create"], "to create"),
        (numbers["update"], "to update"),
        (numbers["revoke"], "to revoke"),
        (numbers["delete"], "to delete"),
        (plan.unchanged, "unchanged"),
        (len(plan.others), "not in the file"),
    ]
    return f"Plan: {', '.join(f'{number:,} {what}' for number, what in counts if number) or 'nothing to do'}."


def _colored(step: Step, text: str) -> str:
    return f"\x1b[{_COLORS[step.action]}m{text}\x1b[0m" if has_colors() else text


def _safe(text: str) -> str:
    return printable(redacted(text))
