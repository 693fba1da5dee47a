"""`keyledger audit …`"""

import argparse
import os
import sys
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias, get_args

from keyledger.cli import exit_codes
from keyledger.cli.exit_codes import NotWritten, UsageError
from keyledger.cli.files import new_file, reason_of
from keyledger.cli.grammar import Commands, add_id, add_limit, add_period
from keyledger.cli.lists import per_page, show_list
from keyledger.cli.output import show, text_of
from keyledger.cli.settings import client_of
from keyledger.cli.tables import Column
from keyledger.cli.times import exact, when
from keyledger.endpoints.audit import Format
from keyledger.errors import IncompleteAnswer
from keyledger.models.audit import AuditEvent

_Write: TypeAlias = Callable[[bytes], object]

_COLUMNS = (
    Column("ID"),
    Column("WHEN"),
    Column("EVENT", is_cut=True),
    Column("ACTOR", is_cut=True),
    Column("RESOURCE", is_cut=True),
    Column("FROM", left_out=1),
)

_LAST_LINES = (b'{"end":true,', b"end,")
"""The starts of the last line of an export. No other line of it starts like this."""


def add_commands(groups: Commands) -> None:
    commands = groups.group("audit", "list and export the changes in the organization")
    listed = commands.add(
        "list",
        list_events,
        "list the changes in the organization, newest first",
        "keyledger audit list --type api_key.revoked",
        "keyledger audit list --key key_… --from 2026-11-01",
    )
    listed.add_argument("--type", metavar="TYPE", help="such as api_key.revoked")
    listed.add_argument("--actor", metavar="ID", help="changes that this user, key or part of Keyledger made")
    listed.add_argument("--resource", metavar="ID", help="changes of this resource")
    listed.add_argument("--key", metavar="ID", help="changes of this key and changes made with it")
    listed.add_argument("--ip", metavar="ADDRESS", help="the address that the request came from")
    add_period(listed)
    add_limit(listed)
    shown = commands.add("get", get, "show one change with its data and its hash", "keyledger audit get evt_…")
    add_id(shown, "evt", "event")
    exported = commands.add(
        "export",
        export,
        "export the changes as a file, oldest first; exit code 3 if the export is incomplete",
        "keyledger audit export --from 2026-11-01",
        "keyledger audit export --format csv --output audit-log.csv",
    )
    exported.add_argument(
        "--format",
        choices=get_args(Format),
        help="by default jsonl: one JSON object a line; excel: CSV that Excel reads as UTF-8",
    )
    exported.add_argument("--output", metavar="FILE", help="a new file to write; by default standard output")
    add_period(exported)


def list_events(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        found = client.audit.iterate(
            type=arguments.type,
            actor=arguments.actor,
            resource=arguments.resource,
            key_id=arguments.key,
            ip=arguments.ip,
            since=arguments.since,
            until=arguments.until,
            per_page=per_page(arguments.limit),
        )
        return show_list(arguments, found, _COLUMNS, _row)


def get(arguments: argparse.Namespace) -> int:
    with client_of(arguments) as client:
        event = client.audit.get(arguments.id)
    return show(arguments, event, _fields(event))


def export(arguments: argparse.Namespace) -> int:
    """Write the export to a file or to standard output. An export that was cut off is an error."""
    with client_of(arguments) as client, _opened(arguments.output) as write:
        exported = client.audit.export(format=arguments.format, since=arguments.since, until=arguments.until)
        last = _last_line_of(exported, write)
        if not (last.startswith(_LAST_LINES) and last.endswith(b"\n")):
            raise IncompleteAnswer("its last line is missing")
    return exit_codes.OK


@contextmanager
def _opened(path: str | None) -> Generator[_Write]:
    """Open standard output, or a new file that appears at `path` if nothing fails."""
    if path is None:
        yield sys.stdout.buffer.write
        return
    target = Path(path).resolve()
    if target.is_dir():
        raise UsageError(f"{path} is a folder, not a file.")
    if target.exists() and not target.is_file():  # a device or a named pipe, which nothing can replace
        with target.open("wb") as device:
            yield device.write
        return
    _refuse_existing(target, path)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with new_file(part, shown=path) as file:
            yield file.write
        _refuse_existing(target, path)
        part.replace(target)
    except OSError as error:
        raise NotWritten(f"The file {path} cannot be written: {reason_of(error)}.") from None
    finally:
        with suppress(OSError):
            part.unlink()


def _refuse_existing(target: Path, path: str) -> None:
    """Raise UsageError if the file exists. No command replaces a file."""
    if target.exists():
        raise UsageError(f"{path} exists already. Choose another file.")


def _last_line_of(pieces: Iterable[bytes], write: _Write) -> bytes:
    """Write the pieces as they arrive, and return their last line."""
    last = b""
    for piece in pieces:
        write(piece)
        last = b"".join((last + piece).splitlines(keepends=True)[-1:])
    return last


def _row(event: AuditEvent) -> tuple[str, ...]:
    actor, resource = event.actor, event.resource
    return (
        event.id,
        when(event.timestamp),
        event.event,
        actor.name or actor.id,
        resource.name or resource.id,
        event.ip or "",
    )


def _fields(event: AuditEvent) -> list[tuple[str, str]]:
    actor, resource = event.actor, event.resource
    return [
        ("id", event.id),
        ("when", exact(event.timestamp)),
        ("event", event.event),
        ("actor", f"{actor.name or ''} {actor.id}".strip()),
        ("resource", f"{resource.name or ''} {resource.id}".strip()),
        ("from", event.ip or ""),
        ("user agent", event.user_agent or ""),
        ("position", str(event.position)),
        ("hash", event.hash or ""),
        ("previous hash", event.previous_hash or ""),
        *((name, text_of(value)) for name, value in event.data.items()),
    ]
