"""How what a read model holds differs from what a fold of the log gives."""


def differences(table: str, stored: dict[str, object], folded: dict[str, object]) -> list[str]:
    """A line for each row, by its key, that is missing, has no event or says something else."""
    return [
        f"{table} {key}: "
        + ("has no event" if key not in folded else "is missing" if key not in stored else "differs from the log")
        for key in sorted(stored.keys() | folded.keys())
        if stored.get(key) != folded.get(key)
    ]
