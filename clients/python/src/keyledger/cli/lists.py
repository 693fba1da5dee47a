"""Lists as all commands show them: printed while their pages arrive."""

import argparse
import itertools
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from keyledger.cli import exit_codes
from keyledger.cli.output import print_json
from keyledger.cli.progress import counted
from keyledger.cli.tables import Column, Row, print_table
from keyledger.methods import Items

T = TypeVar("T")

_PER_PAGE = 100


def per_page(limit: int | None) -> int:
    """Return the size of pages with which at most `limit` items take few requests. None: all items."""
    return min(limit or _PER_PAGE, _PER_PAGE)


def show_list(
    arguments: argparse.Namespace, found: Iterable[T], columns: Sequence[Column], row: Callable[[T], Row]
) -> int:
    """Print the first `arguments.limit` items, or all of them if it is None: as JSON Lines, or as a table."""
    batches = batches_of(found, arguments.limit)
    if not sys.stdout.isatty():
        batches = counted(batches, "item")
    if arguments.json:
        for items in batches:
            for item in items:
                print_json(item)
            sys.stdout.flush()
    else:
        print_table(columns, ([row(item) for item in items] for items in batches))
    return exit_codes.OK


def batches_of(found: Iterable[T], limit: int | None = None) -> Iterator[Sequence[T]]:
    """Yield at most `limit` items: a page as soon as it arrives, without empty ones, or an equal number."""
    if not isinstance(found, Items):
        items = itertools.islice(found, limit)
        while batch := list(itertools.islice(items, _PER_PAGE)):
            yield batch
        return
    left = limit
    pages: Iterator[Sequence[T]] = found.pages()
    for page in pages:
        shown = page[:left]
        if shown:
            yield shown
        if left is not None:
            left -= len(shown)
            if left == 0:
                return
