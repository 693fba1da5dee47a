import os
import sys


def print_line(line: str) -> None:
    """Print one line immediately, even into a pipe. A reader that has gone away is not an error."""
    try:
        sys.stdout.write(f"{printable(line)}\n")
        sys.stdout.flush()
    except OSError:
        # Python flushes again when it exits, and would report an error then.
        with open(os.devnull, "w") as sink:  # noqa: PTH123 - only its descriptor is needed
            os.dup2(sink.fileno(), sys.stdout.fileno())


def printable(line: str) -> str:
    """Return the line without control characters, which a terminal would execute: it may quote another program."""
    return "".join(letter if letter.isprintable() else " " for letter in line)


def print_status(name: str, state: str) -> None:
    """Print a line such as `  api          ready at http://…`, with the names in one column."""
    print_line(f"  {name:<12} {state}")
