"""`keyledger scan`: find keys where they should not be, and ask whose they are. No key is printed."""

import argparse
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Final

from msgspec import structs

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import UsageError
from keyledger.cli.grammar import Commands
from keyledger.cli.output import plural
from keyledger.cli.scan.files import contents
from keyledger.cli.scan.findings import Finding, short, show
from keyledger.cli.scan.history import Addition, History, Object
from keyledger.cli.scan.identities import OFFLINE, Identity, identities_of
from keyledger.cli.scan.keys_in import CHUNK_BYTES, Match, keys_in
from keyledger.cli.scan.limits import until_limit
from keyledger.cli.scan.progress import Progress
from keyledger.cli.settings import client_of
from keyledger.cli.standard_input import standard_input_chunks
from keyledger.secret import Secret

_STDIN: Final = "-"
_STDIN_SHOWN: Final = "standard input"


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


def scan(arguments: argparse.Namespace) -> int:
    work = Progress()
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
    show(arguments, findings, identities)
    if not arguments.json:
        read = work.summary("version" if arguments.history else "file")
        found = f"{plural(len(secrets), 'key')} in {plural(len(findings), 'place')}" if findings else "No key found"
        print(f"{found} ({read}).")
    if findings:
        return exit_codes.CHECK_FAILED
    return exit_codes.INCOMPLETE if work.problems else exit_codes.OK


def _in_content(arguments: argparse.Namespace, work: Progress) -> list[Finding]:
    return [Finding(match.secret, path, match.line) for path, match in until_limit(_matches(arguments, work), work)]


def _matches(arguments: argparse.Namespace, work: Progress) -> Iterator[tuple[str, Match]]:
    paths: list[str] = arguments.paths
    if _STDIN in paths:
        for match in keys_in(work.counted(standard_input_chunks(CHUNK_BYTES))):
            yield _STDIN_SHOWN, match
    for content in contents([path for path in paths if path != _STDIN], arguments.exclude, work.problem):
        for match in keys_in(work.counted(content.chunks)):
            yield content.path, match


def _in_history(arguments: argparse.Namespace, work: Progress) -> list[Finding]:
    if _STDIN in arguments.paths:
        raise UsageError("Standard input has no history. Use the path of a git repository.")
    if arguments.exclude:
        raise UsageError("--exclude is for files. The history is always scanned completely.")
    findings: list[Finding] = []
    for path in arguments.paths:
        findings += _of_repository(History(path, work.problem), path, work)
    return findings


def _of_repository(history: History, path: str, work: Progress) -> Iterator[Finding]:
    """Yield the keys of the oldest version of each file, with the number of versions that contain them."""
    matches = ((each, match) for each in history.objects() for match in keys_in(work.counted(each.chunks)))
    found = list(until_limit(matches, work))
    if history.is_shallow:
        work.problem(path, "the history is shallow. Run git fetch --unshallow first")
    additions = history.additions_of({each.id for each, _ in found if each.kind == "blob"})
    order = {name: number for number, name in enumerate(additions)}
    versions: dict[tuple[Secret, str], set[str]] = {}
    findings: list[Finding] = []
    for each, match in sorted(found, key=lambda pair: order.get(pair[0].id, len(order))):
        for addition in additions.get(each.id) or [_elsewhere(each)]:
            known = versions.setdefault((match.secret, addition.path), set())
            known.add(each.id)
            if len(known) == 1:
                findings.append(Finding(match.secret, addition.path, match.line, addition.commit))
    for finding in sorted(findings, key=lambda finding: (finding.path, finding.line)):
        yield structs.replace(finding, versions=len(versions[finding.secret, finding.path]))


def _elsewhere(found: Object) -> Addition:
    """Return the addition of an object that is not a file of a commit."""
    names = {"commit": "message of commit", "tag": "message of tag"}
    return Addition(found.id if found.kind == "commit" else "", f"{names.get(found.kind, 'object')} {short(found.id)}")
