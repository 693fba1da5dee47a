"""`keyledger scan`: find keys where they should not be, and ask whose they are. No key is printed."""

import argparse
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from time import monotonic
from typing import Final

import msgspec
from msgspec import Struct, structs

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.grammar import Commands
from keyledger.cli.output import print_json
from keyledger.cli.scan.files import contents
from keyledger.cli.scan.history import History, Origin, short
from keyledger.cli.scan.identities import OFFLINE, Identity, identities_of
from keyledger.cli.scan.keys_in import CHUNK_BYTES, keys_in, prefix_and_last4
from keyledger.cli.settings import client_of
from keyledger.cli.standard_input import standard_input_chunks
from keyledger.cli.tables import printable
from keyledger.cli.times import when
from keyledger.secret import Secret, sha256_of

_STDIN: Final = "-"
_STDIN_SHOWN: Final = "standard input"
_PROBLEMS_SHOWN_MAX: Final = 20
_PROGRESS_SECONDS: Final = 0.2
_MEGABYTE: Final = 1_000_000


def add_commands(groups: Commands) -> None:
    command = groups.add(
        "scan",
        scan,
        "find keys in files or in the history of git, and whether they work; exit code 1 if there are any",
        "keyledger scan .",
        "keyledger scan . --history",
        "keyledger scan . --offline --exclude .env --exclude node_modules",
        "keyledger scan - --offline --json < build.log",
    )
    command.add_argument("paths", nargs="+", metavar="PATH", help="a folder or a file, or - for standard input")
    command.add_argument("--history", action="store_true", help="scan the history of the git repository instead")
    command.add_argument("--offline", action="store_true", help="do not ask the service whose the keys are")
    command.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="PATTERN",
        help="leave out files and folders with this name or path, such as '*.lock'; repeatable",
    )


class Finding(Struct, frozen=True):
    """A key in a file. `commit`: the oldest one of the history with the key in this file, if it was found there.

    `versions`: of the file that contain the key. `path` is empty in the message of a commit or tag.
    """

    secret: Secret
    path: str
    line: int
    commit: str | None = None
    versions: int = 1

    @property
    def place(self) -> str:
        commit = "" if self.commit is None else f" (commit {short(self.commit)})" if self.commit else " (no commit)"
        others = self.versions - 1
        more = f", and {_counted(others, 'later version')} of the file" if others else ""
        return f"{self.path}:{self.line}{commit}{more}"


class Reported(Struct, frozen=True):
    """A finding as a JSON document."""

    path: str
    line: int
    commit: str | None
    versions: int
    prefix: str
    last4: str
    sha256: str
    key_id: str | None
    key_name: str | None
    status: str | None
    works: bool | None
    last_used: msgspec.UnsetType | str | None
    explanation: str
    remedy: str | None


class _Scan:
    """Counts what was read and what was not, and shows the progress on a terminal."""

    def __init__(self) -> None:
        self.files = self.size = self.problems = 0
        self._is_shown = sys.stderr.isatty()
        self._next = monotonic() + _PROGRESS_SECONDS

    def counted(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        self.files += 1
        for chunk in chunks:
            self.size += len(chunk)
            self._show()
            yield chunk
        self._show()

    def problem(self, path: str, reason: str) -> None:
        self.problems += 1
        if self.problems <= _PROBLEMS_SHOWN_MAX:
            self.clear()
            print(f"keyledger: not scanned: {printable(path)}: {printable(reason)}", file=sys.stderr)

    def end(self) -> None:
        self.clear()
        more = self.problems - _PROBLEMS_SHOWN_MAX
        if more > 0:
            print(f"keyledger: {more:,} more could not be scanned.", file=sys.stderr)

    def clear(self) -> None:
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)

    def _show(self) -> None:
        if self._is_shown and monotonic() >= self._next:
            self._next = monotonic() + _PROGRESS_SECONDS
            print(f"\r{self.files:,} files, {self.size // _MEGABYTE:,} MB", end="", file=sys.stderr, flush=True)


def scan(arguments: argparse.Namespace) -> int:
    work = _Scan()
    # Missing settings are reported before a long scan.
    with nullcontext() if arguments.offline else client_of(arguments) as client:
        try:
            findings = _in_history(arguments, work) if arguments.history else _in_content(arguments, work)
        finally:
            work.end()
        secrets = list(dict.fromkeys(finding.secret for finding in findings))
        if client is None:
            identities = dict.fromkeys(secrets, Identity(explanation=OFFLINE))
        else:
            identities = identities_of(client, secrets)
    _show(arguments, findings, identities)
    if not arguments.json:
        _print_summary(work, len(secrets), len(findings), in_history=arguments.history)
    if findings:
        return exit_codes.REFUSED
    return exit_codes.UNREACHABLE if work.problems else exit_codes.OK


def _show(arguments: argparse.Namespace, findings: Sequence[Finding], identities: Mapping[Secret, Identity]) -> None:
    for secret, identity in identities.items():
        places = [finding for finding in findings if finding.secret == secret]
        if arguments.json:
            for finding in places:
                print_json(_reported(finding, identity))
        else:
            _print(secret, identity, places)


def _in_content(arguments: argparse.Namespace, work: _Scan) -> list[Finding]:
    findings: list[Finding] = []
    paths: list[str] = arguments.paths
    if _STDIN in paths:
        chunks = work.counted(standard_input_chunks(CHUNK_BYTES))
        findings += [Finding(match.secret, _STDIN_SHOWN, match.line) for match in keys_in(chunks)]
    for content in contents([path for path in paths if path != _STDIN], arguments.exclude, work.problem):
        chunks = work.counted(content.chunks)
        findings += [Finding(match.secret, content.path, match.line) for match in keys_in(chunks)]
    return findings


def _in_history(arguments: argparse.Namespace, work: _Scan) -> list[Finding]:
    if _STDIN in arguments.paths:
        raise UsageError("Standard input has no history. Use the path of a git repository.")
    if arguments.exclude:
        raise UsageError("--exclude is for files. The history is always scanned completely.")
    findings: list[Finding] = []
    for path in arguments.paths:
        findings += _of_repository(History(path, work.problem), path, work)
    return findings


def _of_repository(history: History, path: str, work: _Scan) -> Iterator[Finding]:
    found = [(each.id, each.kind, match) for each in history.objects() for match in keys_in(work.counted(each.chunks))]
    if history.is_shallow:
        work.problem(path, "the history is shallow. Run git fetch --unshallow first")
    origins = history.origins_of({name for name, kind, _ in found if kind == "blob"})
    order = {name: number for number, name in enumerate(origins)}
    merged: dict[tuple[Secret, str], Finding] = {}
    for name, kind, match in sorted(found, key=lambda each: order.get(each[0], len(order))):
        origin = origins.get(name, Origin(name if kind == "commit" else "", _elsewhere(kind, name)))
        earlier = merged.get((match.secret, origin.path))
        merged[match.secret, origin.path] = (
            Finding(match.secret, origin.path, match.line, origin.commit)
            if earlier is None
            else structs.replace(earlier, versions=earlier.versions + 1)
        )
    yield from merged.values()


def _elsewhere(kind: str, name: str) -> str:
    """Return the place of a key that is not in a file of a commit."""
    return {"commit": f"message of commit {short(name)}", "tag": f"message of tag {short(name)}"}.get(
        kind, f"object {short(name)}"
    )


def _reported(finding: Finding, identity: Identity) -> Reported:
    prefix, last4 = prefix_and_last4(finding.secret)
    return Reported(
        path=finding.path,
        line=finding.line,
        commit=finding.commit or None,
        versions=finding.versions,
        prefix=prefix,
        last4=last4,
        sha256=sha256_of(finding.secret),
        key_id=identity.key_id,
        key_name=identity.key_name,
        status=identity.status,
        works=identity.works,
        last_used=msgspec.to_builtins(identity.last_used),
        explanation=identity.explanation,
        remedy=identity.remedy,
    )


def _print(secret: Secret, identity: Identity, places: Sequence[Finding]) -> None:
    print(f"{'…'.join(prefix_and_last4(secret))}  {printable(_described(identity))}")
    for finding in places:
        print(f"  {printable(finding.place)}")
    if identity.remedy is not None:
        print(f"  Stop it: {identity.remedy}")


def _described(identity: Identity) -> str:
    if identity.key_id is None:
        return identity.explanation
    replaced = ", replaced by a rotation" if identity.is_replaced else ""
    works = {True: "it works", False: "it does not work", None: "it may work"}[identity.works]
    used = when(identity.last_used) or "never"
    return f"{identity.key_id} ({identity.key_name}): {identity.status}{replaced}, {works}. Last used: {used}"


def _print_summary(work: _Scan, keys: int, places: int, *, in_history: bool) -> None:
    noun = "version" if in_history else "file"
    read = f"{_counted(work.files, noun)}, {work.size / _MEGABYTE:,.1f} MB"
    print(f"{_counted(keys, 'key')} in {_counted(places, 'place')} ({read})." if keys else f"No key found ({read}).")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
