"""`keyledger keys import`, which shows first what it would do.

Importing the same file again has no effect on keys that exist. Therefore the way to continue after an interruption is
to run the same command again.
"""

import argparse
import csv
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from io import StringIO
from pathlib import Path

import msgspec
from msgspec import Struct, field

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import NotWritten, UsageError
from keyledger.cli.files import NewFile, new_file, read_input, reason_of
from keyledger.cli.keys.import_rows import Rejected, Row, digest_of, rows_of
from keyledger.cli.keys.permissions import permissions_of
from keyledger.cli.output import plural, print_json
from keyledger.cli.progress import ProgressLine
from keyledger.cli.questions import confirm
from keyledger.cli.settings import client_of
from keyledger.cli.tables import print_fields, printable
from keyledger.clients import Keyledger
from keyledger.errors import (
    Forbidden,
    IncompleteAnswer,
    InvalidRequest,
    KeyledgerError,
    LimitReached,
    RateLimited,
    Unavailable,
    Unreachable,
)
from keyledger.models.keys import ImportedKeys

_KEYS_MAX = 1_000
_BYTES_MAX = 900_000
"""The largest size of the keys of a request. The service accepts 1 MiB."""
_SIZE_MAX = 1_000_000_000
_LISTED_MAX = 20
_REPORT_EVERY = 10_000
_REJECTED = ("conflict", "invalid")
_HELPED_BY_REPETITION = (KeyboardInterrupt, Unreachable, IncompleteAnswer, Unavailable, RateLimited)
_INDEX = re.compile(r"keys\[(\d+)\]\.?")


class Report(Struct):
    """The numbers of rows by outcome so far, and the rows that cannot be imported.

    `not_working`: how many of the keys that exist do not work, by their status. `seen`: the digests that earlier
    requests contained. `shortfall`: how many keys the plan's limit lacks for all requests together.
    """

    dry_run: bool
    rows: int
    outcomes: Counter[str] = field(default_factory=Counter[str])
    not_working: Counter[str] = field(default_factory=Counter[str])
    rejected: list[Rejected] = field(default_factory=list[Rejected])
    seen: set[bytes] = field(default_factory=set[bytes])
    shortfall: int = 0

    @property
    def done(self) -> int:
        return self.outcomes.total()

    def reject(self, row: Row, outcome: str, problems: dict[str, str]) -> None:
        named = {_INDEX.sub("", path): problem for path, problem in problems.items()}
        self.outcomes[outcome] += 1
        self.rejected.append(Rejected(row.line, row.key.name, outcome, named))

    def to_json(self) -> dict[str, object]:
        names = ("created", "would_create", "exists", "duplicate", *_REJECTED)
        counted = {name: self.outcomes[name] for name in names}
        not_working = {"not_working": dict(self.not_working)}
        more = {**not_working, "shortfall": self.shortfall, "rejected": self.rejected}
        return {"dry_run": self.dry_run, "rows": self.rows, **counted, **more}


def import_many(arguments: argparse.Namespace) -> int:
    place, content = read_input(arguments.file, "The file", _SIZE_MAX)
    given = rows_of(content, permissions_of(arguments))
    if given.with_secrets:
        _note("The secrets in the file are hashed on this computer. They are not sent.")
    if not (given.rows or given.rejected):
        raise UsageError(f"{place} contains no keys.")
    rejected = nullcontext() if arguments.rejected is None else new_file(Path(arguments.rejected))
    with rejected as file, client_of(arguments) as client:
        if arguments.dry_run or not arguments.yes:
            found = _run(client, given.rows, given.rejected, dry_run=True)
            if arguments.dry_run or not found.outcomes["would_create"]:
                return _show(arguments, found, file)
            if not arguments.json:
                _show(arguments, found, file)
            confirm(arguments, f"{plural(found.outcomes['would_create'], 'key')} would be imported.", "Import them?")
        done = _run(client, given.rows, given.rejected, dry_run=False)
        return _show(arguments, done, file)


def _run(client: Keyledger, rows: Sequence[Row], rejected: Sequence[Rejected], *, dry_run: bool) -> Report:
    """Send all rows. If that is interrupted, say how to continue."""
    report = Report(dry_run, len(rows) + len(rejected))
    for each in rejected:
        report.outcomes[each.outcome] += 1
        report.rejected.append(each)
    progress = _Progress(report)
    try:
        for chunk in _chunks(rows, report):
            _send(client, list(chunk), report)
            progress.show()
    except (KeyboardInterrupt, KeyledgerError) as error:
        progress.end()
        if not dry_run:
            again = "Run the same command again to continue: keys that exist already are skipped."
            imported = plural(report.outcomes["created"], "key")
            _note(
                f"Stopped after {report.done:,} of {report.rows:,} rows; {imported} imported."
                f"{f' {again}' if isinstance(error, _HELPED_BY_REPETITION) else ''}"
            )
        raise
    progress.end()
    if dry_run and report.outcomes["would_create"]:
        report.shortfall = _shortfall(client, report.outcomes["would_create"])
    return report


def _shortfall(client: Keyledger, keys: int) -> int:
    """Return how many keys the plan's limit lacks. The service checks it for each request of a dry run on its own."""
    try:
        organization = client.organization.get()
    except Forbidden:
        return 0
    limit = organization.limits.api_keys
    return 0 if limit is None else max(0, organization.usage.api_keys + keys - limit)


def _chunks(rows: Sequence[Row], report: Report) -> Iterator[list[Row]]:
    """Yield the rows in requests that the service accepts. A row that fits into none is rejected."""
    chunk: list[Row] = []
    size = 0
    for row in rows:
        length = len(msgspec.json.encode(row.key)) + 1
        if length > _BYTES_MAX:
            report.reject(row, "invalid", {"line": "The key is too large"})
            continue
        if len(chunk) == _KEYS_MAX or size + length > _BYTES_MAX:
            yield chunk
            chunk, size = [], 0
        if digest_of(row.key.sha256) in report.seen:
            report.outcomes["duplicate"] += 1
            continue
        chunk.append(row)
        size += length
    if chunk:
        yield chunk


def _send(client: Keyledger, chunk: list[Row], report: Report) -> None:
    """Send a chunk. The service refuses a field of the wrong type with the whole request, so its row is left out."""
    while chunk:
        try:
            _add(report, chunk, client.keys.import_many([row.key for row in chunk], dry_run=report.dry_run))
        except LimitReached as error:
            created = error.details.get("created")
            report.outcomes["created"] += created if isinstance(created, int) else 0
            raise
        except InvalidRequest as error:
            index = next((int(found[1]) for path in error.details if (found := _INDEX.match(path))), None)
            if index is None or index >= len(chunk):
                raise
            report.reject(chunk.pop(index), "invalid", {path: str(text) for path, text in error.details.items()})
        else:
            return


def _add(report: Report, chunk: Sequence[Row], answer: ImportedKeys) -> None:
    for outcome in answer.keys:
        if outcome.outcome != "invalid":
            report.seen.add(digest_of(chunk[outcome.index].key.sha256))
        if outcome.outcome in _REJECTED:
            report.reject(chunk[outcome.index], outcome.outcome, outcome.problems)
        elif outcome.outcome == "exists" and outcome.status not in (None, "active"):
            problem = f"Exists already, but is {outcome.status}: {_remedy(outcome.status, 'the key', 'a new key')}"
            report.reject(chunk[outcome.index], "exists", {"key": problem})
            report.not_working[outcome.status] += 1
        else:
            report.outcomes[outcome.outcome] += 1


class _Progress:
    """The rows that are done: a line that changes on a terminal, elsewhere a new line for every 10,000 rows."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._line = ProgressLine()
        self._next = _REPORT_EVERY

    def show(self) -> None:
        done = f"{self._report.done:,} of {plural(self._report.rows, 'row')}"
        self._line.show(done)
        if not self._line.is_shown and self._report.done >= self._next:
            print(done, file=sys.stderr, flush=True)
            self._next = (self._report.done // _REPORT_EVERY + 1) * _REPORT_EVERY

    def end(self) -> None:
        self._line.clear()


def _show(arguments: argparse.Namespace, report: Report, file: NewFile | None) -> int:
    report.rejected.sort(key=lambda each: each.line)
    if file is not None:
        _write_rejected(file, report.rejected)
    if arguments.json:
        print_json(report.to_json())
    else:
        _print(report, is_in_file=file is not None)
    return exit_codes.CHECK_FAILED if report.rejected or report.shortfall else exit_codes.OK


def _print(report: Report, *, is_in_file: bool) -> None:
    titles = {
        "would_create": "would be imported",
        "created": "imported",
        "exists": "exist already",
        "duplicate": "repeated in the file",
        "conflict": "cannot be imported",
        "invalid": "invalid",
    }
    numbers = {title: report.outcomes[name] for name, title in titles.items()}
    numbers[titles["exists"]] -= report.not_working.total()
    for status, number in report.not_working.items():
        numbers[f"exist already, but are {status}: {_remedy(status, 'these keys', 'new keys')}"] = number
    print_fields((title, f"{number:,}") for title, number in numbers.items() if number)
    if report.shortfall:
        print(f"The plan's limit of keys is too low by {report.shortfall:,}. Change the plan, or import fewer keys.")
    if is_in_file:
        return
    for each in report.rejected[:_LISTED_MAX]:
        for path, problem in each.problems.items():
            print(printable(f"line {each.line}: {path}: {problem}"))
    more = len(report.rejected) - _LISTED_MAX
    if more > 0:
        print(f"… and {plural(more, 'more row')}. --rejected FILE writes all of them to a file.")


def _write_rejected(file: NewFile, rejected: Sequence[Rejected]) -> None:
    """Write the rows in place of those that the dry run has written before the question."""
    text = StringIO(newline="")
    if rejected:
        writer = csv.writer(text)
        writer.writerow(("line", "name", "outcome", "field", "problem"))
        for each in rejected:
            writer.writerows((each.line, each.name, each.outcome, *problem) for problem in each.problems.items())
    try:
        file.rewrite(text.getvalue().encode())
    except OSError as error:
        raise NotWritten(f"The rejected rows cannot be written to {file.path}: {reason_of(error)}.") from None


def _note(sentence: str) -> None:
    print(printable(sentence), file=sys.stderr, flush=True)


def _remedy(status: str, key: str, new: str) -> str:
    return f"enable {key}" if status == "disabled" else f"create {new}"
