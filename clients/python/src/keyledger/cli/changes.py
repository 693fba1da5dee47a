"""The changes that the options of an `update` command ask for."""

import argparse
from typing import Any

from keyledger.cli.exit_codes import UsageError


def given(arguments: argparse.Namespace, *fields: str, **options: str) -> dict[str, Any]:
    """Return the values of the options that were given, by field of the API. An empty description removes it.

    An option has the name of its field, or the one in `options`.
    """
    names = {**dict(zip(fields, fields, strict=True)), **options}
    found = {field: getattr(arguments, option) for field, option in names.items()}
    changes = {field: value for field, value in found.items() if value is not None}
    if changes.get("description") == "":
        changes["description"] = None
    return changes


def require_changes(changes: object, others: object, examples: str) -> None:
    """Raise UsageError if there are neither changes nor other changes. `examples`: options that change something."""
    if not changes and not others:
        raise UsageError(f"Nothing to change. Use an option such as {examples}.")
