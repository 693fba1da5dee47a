"""Lists as all commands show them."""

import argparse
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from keyledger.cli import exit_codes
from keyledger.cli.output import print_json, print_table

T = TypeVar("T")

_PER_PAGE = 100


def per_page(limit: int | None) -> int:
    """Return the size of pages with which at most `limit` items take few requests. None: all items."""
    return min(limit or _PER_PAGE, _PER_PAGE)


def show_list(
    arguments: argparse.Namespace, found: Iterable[T], titles: Sequence[str], row: Callable[[T], Sequence[str]]
) -> int:
    """Print the first `arguments.limit` items, or all of them if it is None."""
    items = list(itertools.islice(found, arguments.limit))
    if arguments.json:
        print_json(items)
    else:
        print_table(titles, [row(item) for item in items])
    return exit_codes.OK
