"""Findings of a scan, as people and programs read them. No key is printed."""

import argparse
from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct

from keyledger.cli.output import plural, print_json
from keyledger.cli.scan.identities import Identity
from keyledger.cli.scan.keys_in import prefix_and_last4
from keyledger.cli.tables import printable
from keyledger.cli.times import when
from keyledger.secret import Secret, sha256_of

_COMMIT_LENGTH = 12


class Finding(Struct, frozen=True):
    """A key in a file, or in the message of a commit or tag.

    `commit`: the oldest one with the key in this file; empty if there is none, and None outside of a history.
    `versions`: the number of those that contain the key.
    """

    secret: Secret
    path: str
    line: int
    commit: str | None = None
    versions: int = 1

    @property
    def location(self) -> str:
        commit = f" (commit {short(self.commit)})" if self.commit and short(self.commit) not in self.path else ""
        others = self.versions - 1
        more = f", and {plural(others, 'later version')} of the file" if others else ""
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
    last_used: datetime | None
    explanation: str
    remedy: str | None


def show(arguments: argparse.Namespace, findings: Sequence[Finding], identities: Mapping[Secret, Identity]) -> None:
    """Print the findings, those of one key together."""
    by_secret: dict[Secret, list[Finding]] = {secret: [] for secret in identities}
    for finding in findings:
        by_secret[finding.secret].append(finding)
    for secret, identity in identities.items():
        if arguments.json:
            for finding in by_secret[secret]:
                print_json(_reported(finding, identity))
        else:
            _print(secret, identity, by_secret[secret])


def short(commit: str) -> str:
    """Return the beginning of the id of a commit, which is enough for git."""
    return commit[:_COMMIT_LENGTH]


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
        last_used=identity.last_used,
        explanation=identity.explanation,
        remedy=identity.remedy,
    )


def _print(secret: Secret, identity: Identity, findings: Sequence[Finding]) -> None:
    print(f"{'…'.join(prefix_and_last4(secret))}  {printable(_described(identity))}")
    for finding in findings:
        print(f"  {printable(finding.location)}")
    if identity.remedy is not None:
        print(f"  Stop it: {identity.remedy}")


def _described(identity: Identity) -> str:
    if identity.key_id is None:
        return identity.explanation
    replaced = ", replaced by a rotation" if identity.is_replaced else ""
    works = {True: "it works", False: "it does not work", None: "it may work"}[identity.works]
    used = when(identity.last_used) or "never"
    return f"{identity.key_id} ({identity.key_name}): {identity.status}{replaced}, {works}. Last used: {used}"
