"""Shared parts of the operator programs: how they are run, and how they print results, ask, show progress and fail.

A command returns its exit code, or None for 0. Results go to stdout, everything else to stderr. rich is imported only
where it draws something, so that `--help` and the completion of a shell stay fast.
"""
# pyright: reportUnknownMemberType=false
# (the annotations of rich-click leave type arguments out)

import sys
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any, NamedTuple, TypeVar

import msgspec
import rich_click as click
from click import get_current_context
from click.shell_completion import CompletionItem
from rich_click import RichCommand, RichContext, RichGroup, RichHelpConfiguration, RichHelpFormatter

COMPLETE_VARIABLE = "_OPERATOR_COMPLETE"
"""The environment variable with which the script of `infrastructure.completion` asks for completions."""

INTERRUPTED = 130
"""Exit code of a program that Ctrl-C interrupted, as shells report it."""

F = TypeVar("F", bound=Callable[..., Any])

Progress = Callable[[int, int], None]
"""Receives what is done, and of how much."""

Explain = Callable[[Exception, Mapping[str, str]], str | None]
"""Returns the line for an expected error in this environment, or None for any other."""

_HELP = RichHelpConfiguration(theme="default-slim", max_width=100, text_markup="ansi")


class Failure(click.ClickException):
    """An expected failure. The message is one line: what happened, then what to do."""


class NotPossible(Failure):
    """The command cannot be carried out as it was given, or without a setting. Nothing was done."""

    exit_code = 2


class Listing(NamedTuple):
    """A result as a table: columns and rows. The columns in `numbers` are aligned to the right."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]
    numbers: Sequence[str] = ()


class LazyChoice(click.ParamType[str]):
    """One of several names that are known only after an import, which `--help` of other commands does not need."""

    def __init__(self, name: str, names: Callable[[], Iterable[str]]) -> None:
        self.name = name
        self._names = names

    @property
    def names(self) -> list[str]:
        return list(self._names())

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:  # noqa: ANN401 -- click's
        if value not in self.names:
            self.fail(f"There is no {self.name} {value}. Choose from {', '.join(self.names)}.", param, ctx)
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem[str]]:
        del ctx, param
        return [CompletionItem(name) for name in self.names if name.startswith(incomplete)]


class CommandWithNames(RichCommand):
    """A command whose help ends with the names that its arguments accept."""

    def format_epilog(self, ctx: RichContext, formatter: RichHelpFormatter) -> None:  # type: ignore[override]
        types = [param.type for param in self.params]
        lists = [f"Each {kind.name}: {', '.join(kind.names)}" for kind in types if isinstance(kind, LazyChoice)]
        self.epilog = "\n\n".join(lists)
        super().format_epilog(ctx, formatter)


def program(function: Callable[..., Any]) -> RichGroup:
    """Make the group of a program's commands. Its docstring is the help."""
    settings: dict[str, Any] = {
        "help_option_names": ["-h", "--help"],
        "show_default": True,
        "rich_help_config": _HELP,
    }
    return click.group(no_args_is_help=False, context_settings=settings)(function)


def json_option(function: F) -> F:
    """Add `--json`, which the function receives as `as_json`."""
    return click.option(
        "--json", "as_json", is_flag=True, show_default=False, help="Print one JSON document for programs."
    )(function)


def yes_option(function: F) -> F:
    """Add `--yes`, with which the command does not ask. Commands that call `confirm` have it."""
    return click.option(
        "--yes", is_flag=True, show_default=False, help="Do not ask for confirmation. Required without a terminal."
    )(function)


def confirm(consequence: str, *, yes: bool) -> None:
    """Ask before an irreversible action. Raise `Failure` if the answer is no, or if there is no terminal to ask on."""
    if yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise NotPossible(f"{consequence} Nothing was changed. Add --yes to confirm.")
    if not click.confirm(f"{consequence} Continue?", err=True):
        raise Failure("Nothing was changed.")


def show(document: object, lines: Iterable[str], *, as_json: bool, listing: Listing | None = None) -> None:
    """Print a result: as JSON on request, as a table on a terminal if it has one, and otherwise as lines.

    If there is a listing, `lines` are printed only in its place.
    """
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(document)).decode())
    elif listing is not None and sys.stdout.isatty():
        _draw(listing)
    else:
        for line in lines:
            click.echo(line)


def note(text: str) -> None:
    """Print a line that is not part of the result."""
    click.echo(text, err=True)


@contextmanager
def progress(title: str, unit: str = "positions") -> Generator[Progress]:
    """Show how much is done and how fast on a terminal, and nothing elsewhere. The last state stays visible."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[figures]}", markup=False),
    )
    with Bars(
        *columns, console=Console(stderr=True), expand=True, redirect_stdout=False, redirect_stderr=False
    ) as bars:
        began, first = monotonic(), None
        task = None

        def update(done: int, of: int) -> None:
            nonlocal began, first, task
            if first is None:
                # An earlier run that was killed may have done some of it. The rate is that of this run.
                began, first = monotonic(), done
            rate = (done - first) / max(monotonic() - began, 0.001)
            figures = f"{done:,} of {of:,} {unit}, {rate:,.0f}/s"
            # What has nothing to do is complete.
            completed, total = (done, of) if of else (1, 1)
            if task is None:
                task = bars.add_task(title, total=total, completed=completed, figures=figures)
            else:
                bars.update(task, total=total, completed=completed, figures=figures)

        yield update


def environment() -> Mapping[str, str]:
    """Return the environment that the running command got from `run`."""
    given: Mapping[str, str] = get_current_context().obj
    return given


def run(
    commands: RichGroup, module: str, arguments: Sequence[str], environment: Mapping[str, str], explain: Explain
) -> int:
    """Run `python -m <module> <arguments>` and return its exit code. Print one line for an expected failure."""
    try:
        code: int | None = commands.main(
            list(arguments),
            prog_name=f"python -m {module}",
            complete_var=COMPLETE_VARIABLE,
            standalone_mode=False,
            obj=environment,
        )
    except click.UsageError as error:
        if error.ctx is not None:
            path = error.ctx.command_path
            note(f"Usage: {path} {' '.join(error.ctx.command.collect_usage_pieces(error.ctx))}")
            note(f"{_sentence(error.format_message())} See {path} --help")
        else:
            note(error.format_message())
        return error.exit_code
    except click.ClickException as error:
        note(error.format_message())
        return error.exit_code
    except click.Abort:
        note("Interrupted.")
        return INTERRUPTED
    except Exception as error:
        line = explain(error, environment)
        if line is None:
            raise
        note(line)
        return 1
    return code or 0


def owner_database_url() -> str:
    """Return the URL of the database with the login that owns the schema. Raise `NotPossible` if none is set.

    From then on, log lines go to stderr.
    """
    from infrastructure.database.logins import owner_url
    from infrastructure.log_format import configure_logging

    setting, url = owner_url(environment())
    if not url:
        raise NotPossible(f"{setting} is not set. Set it to the database, such as postgresql://user@host/name")
    configure_logging()
    return url


def explain_owner_error(error: Exception, environment: Mapping[str, str]) -> str | None:
    """Return the line for an error of the database at `owner_database_url`, or of the system."""
    from infrastructure.database.logins import owner_url

    return explain_database_error(error, owner_url(environment)[0])


def explain_database_error(error: Exception, setting: str = "DATABASE_URL") -> str | None:
    """Return the line for an error of the database or of the system."""
    import psycopg

    from infrastructure.database.connections import describe
    from infrastructure.database.errors import StorageError

    if isinstance(error, psycopg.Error):
        return f"{setting}: {describe(error)}"
    return str(error) if isinstance(error, OSError | StorageError) else None


def _nothing(_done: int, _of: int) -> None:
    pass


def _sentence(text: str) -> str:
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _draw(listing: Listing) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(header_style="bold")
    for name in listing.columns:
        # An id that does not fit continues in the next line of its cell: it is never cut.
        table.add_column(name, overflow="fold", justify="right" if name in listing.numbers else "left")
    for row in listing.rows:
        table.add_row(*[Text(str(cell)) for cell in row])
    Console().print(table)
