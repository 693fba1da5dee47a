"""All commands of `keyledger` by their words, such as `("keys", "list")`."""

import argparse
from collections.abc import Iterator
from typing import Any

from keyledger.cli.commands import parser
from keyledger.cli.grammar import Parser


def _commands(found: argparse.ArgumentParser, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Parser]]:
    """Yield every command with its words."""
    for action in found._actions:
        choices: Any = action.choices
        if isinstance(action.choices, dict):
            for name in choices:
                yield from _commands(choices[name], (*words, name))
            return
    assert isinstance(found, Parser)
    yield words, found


COMMANDS = dict(_commands(parser()))
