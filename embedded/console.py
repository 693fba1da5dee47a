import os
import sys


def print_line(line: str) -> None:
    """One line for whoever watches, at once, also through a pipe. That nobody watches any more is no reason to end."""
    try:
        sys.stdout.write(f"{printable(line)}\n")
        sys.stdout.flush()
    except OSError:
        # Python flushes once more when it ends, and would complain then.
        with open(os.devnull, "w") as nowhere:  # noqa: PTH123 - its number is what counts
            os.dup2(nowhere.fileno(), sys.stdout.fileno())


def printable(line: str) -> str:
    """Return the line without control characters: it may quote what another program wrote, and a terminal obeys."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def print_status(name: str, state: str) -> None:
    """`  api          ready at http://…`: names under each other."""
    print_line(f"  {name:<12} {state}")
