"""The grammar of the command line: `keyledger NOUN VERB`, with the same options everywhere.

The options of all commands can stand anywhere: `keyledger --json keys list` is `keyledger keys list --json`.
"""

import argparse
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

from keyledger.cli import exit_codes
from keyledger.cli.times import time_of
from keyledger.secret import redacted

Run = Callable[[argparse.Namespace], int]

_COUNT_MAX = 999_999


class Parser(argparse.ArgumentParser):
    """A parser that accepts only complete names of options, and knows the `examples` of its command."""

    examples: tuple[str, ...] = ()
    is_intermixed = False
    """Whether arguments and options can stand in any order, also if there can be several arguments."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 -- those of argparse
        super().__init__(
            allow_abbrev=False,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            **settings,
        )

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:  # noqa: ANN401  # pyright: ignore[reportIncompatibleMethodOverride] -- its four overloads
        if not self.is_intermixed:
            return super().parse_known_args(args, namespace)
        # The method for intermixed arguments calls this one.
        self.is_intermixed = False
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self.is_intermixed = True

    def error(self, message: str) -> NoReturn:
        """Exit with 2. An argument in the wrong place may be a key, which is not repeated."""
        super().error(redacted(message))


class Commands:
    """The commands that can follow in a command line: groups such as `keys`, or the verbs of one."""

    def __init__(self, parser: Parser) -> None:
        self._words = parser.prog
        self._parsers = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=Parser)

    def group(self, name: str, purpose: str) -> "Commands":
        """Add a group, and return what its commands are added to."""
        parser = self._parsers.add_parser(name, help=purpose, description=_sentence(purpose))
        add_shared(parser, is_shown=False)
        return Commands(parser)

    def add(self, name: str, run: Run, purpose: str, *examples: str) -> Parser:
        """Add a command. `run` executes it and returns the exit code. Each of `examples` is a whole command line."""
        listed = "\n".join(f"  {example}" for example in examples)
        parser = self._parsers.add_parser(
            name,
            help=purpose,
            description=_sentence(purpose),
            epilog=f"example{'s' if len(examples) > 1 else ''}:\n{listed}\n\n{exit_codes.EXPLAINED}",
        )
        parser.examples = examples
        parser.set_defaults(run=run)
        add_shared(parser, is_shown=True)
        return parser

    def add_for(self, prefix: str, noun: str, name: str, run: Run, purpose: str, *options: str) -> Parser:
        """Add a command on one `noun`, whose id begins with `prefix`. `options` of its examples come after the id."""
        examples = [f"{self._words} {name} {prefix}_… {given}".rstrip() for given in options or ("",)]
        command = self.add(name, run, purpose, *examples)
        add_id(command, prefix, noun)
        return command


def new_namespace() -> argparse.Namespace:
    """Return a namespace with the values of options that a command does not have, or that are not given."""
    return argparse.Namespace(json=False, url=None, key_file=None, profile=None, limit=None)


def add_shared(parser: Parser, *, is_shown: bool) -> None:
    """Add the options of all commands. Only commands show them in their help, not groups of commands."""
    for option, help_text, settings in (
        ("--json", "print JSON: one document, or one a line for lists", {"action": "store_true"}),
        ("--url", "the address of the service; by default KEYLEDGER_URL", {"metavar": "URL"}),
        (
            "--key-file",
            "a file with the management key (- for standard input); by default KEYLEDGER_ADMIN_KEY contains it",
            {"metavar": "FILE"},
        ),
        ("--profile", "the profile in the configuration file; by default KEYLEDGER_PROFILE", {"metavar": "NAME"}),
    ):
        text = help_text if is_shown else argparse.SUPPRESS
        parser.add_argument(option, help=text, default=argparse.SUPPRESS, **settings)  # pyright: ignore[reportArgumentType] -- of argparse


def add_id(parser: Parser, prefix: str, noun: str, name: str = "id") -> None:
    parser.add_argument(name, metavar="ID", help=f"the id of the {noun}, {prefix}_…")


def add_limit(parser: Parser, default: int | None = 20) -> None:
    parser.add_argument(
        "--limit", type=count, default=default, metavar="N", help=f"the largest number; by default {default or 'all'}"
    )


def add_period(parser: Parser) -> None:
    form = "a date or a time, in UTC if it has no offset"
    parser.add_argument("--from", type=instant, dest="since", metavar="TIME", help=f"from this time on: {form}")
    parser.add_argument("--to", type=instant, dest="until", metavar="TIME", help=f"before this time: {form}")


def add_question(parser: Parser, *, with_dry_run: bool = False) -> None:
    """Add the options of a command that asks before it changes something."""
    parser.add_argument("--yes", action="store_true", help="do it without a question")
    if with_dry_run:
        parser.add_argument("--dry-run", action="store_true", help="show what would happen, and stop")


def count(text: str) -> int:
    """Return a number from 1 to `_COUNT_MAX`."""
    if text.isascii() and text.isdecimal() and 0 < int(text[:20]) <= _COUNT_MAX:
        return int(text)
    raise argparse.ArgumentTypeError(f"use a whole number from 1 to {_COUNT_MAX:,}, not {text[:20]!r}")


def instant(text: str) -> datetime:
    try:
        return time_of(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"use a date or a time, such as 2026-11-01, not {text!r}") from None


def in_days(days: int) -> datetime:
    """Return the time that is so many days from now."""
    return datetime.now(UTC) + timedelta(days=days)


def pair(text: str) -> tuple[str, str]:
    """Return the two parts of NAME=VALUE."""
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError(f"use NAME=VALUE, such as team=search, not {text!r}")
    return name, value


def _sentence(purpose: str) -> str:
    return purpose[0].upper() + purpose[1:] + "."
