"""Exported uses of one day: a gzip-compressed JSON Lines file and a manifest that describes it.

`usage-2026-03-01.jsonl.gz` has one line per use, in the order of the log: lane, batch, ordinal, instant and, under
`event`, the exact bytes of the log. `usage-2026-03-01.manifest.json` is written last: without it, a file does not
count. Both files appear whole or not at all, even if the process is killed (temporary name, fsync, rename, fsync of the
folder). The written data is read back before anything relies on it.

The digest of a lane is the same as in `usage_day_summary` in the database: SHA-256 over the digests of its batches in
order. The digest of a batch is SHA-256 over the SHA-256 of each body in order.
"""

import gzip
import os
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from hashlib import file_digest, sha256
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from infrastructure.database.errors import StorageError

_COMPRESSION = 6
_PART = ".part"


class CorruptExport(StorageError):
    """This file does not match its manifest."""


class Line(Struct, frozen=True, forbid_unknown_fields=True):
    """One use. `event` contains the exact bytes of the log."""

    lane: int
    batch_no: int
    ordinal: int
    occurred_at: datetime
    event: Raw


class LaneSummary(Struct, frozen=True):
    """The content of one lane on one day. `bodies_sha256` is hexadecimal."""

    lane: int
    first_batch: int
    last_batch: int
    batches: int
    events: int
    bodies_sha256: str


class Manifest(Struct, frozen=True):
    """The manifest of an export. `sha256` is the digest of the compressed file, and `bytes` is its size."""

    format: int
    day: date
    file: str
    bytes: int
    sha256: str
    events: int
    lanes: list[LaneSummary]


_line_decoder = msgspec.json.Decoder(Line)
_manifest_decoder = msgspec.json.Decoder(Manifest)


@dataclass(slots=True)
class _LaneDigest:
    """Computes the digests of the lanes while it reads the lines of a day in the order of the log."""

    _lanes: dict[int, LaneSummary] = field(default_factory=dict[int, LaneSummary])
    _open: tuple[int, int] | None = None
    _digests: list[bytes] = field(default_factory=list[bytes])
    _batches: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]])

    def add(self, line: Line) -> None:
        lane, batch_no = line.lane, line.batch_no
        if self._open != (lane, batch_no):
            if self._open is not None and (lane, batch_no) < self._open:
                raise CorruptExport(f"batch {batch_no} of lane {lane} is out of order")
            self._close()
            self._open = (lane, batch_no)
        if line.ordinal != len(self._digests):
            raise CorruptExport(f"batch {batch_no} of lane {lane}: {line.ordinal} follows {len(self._digests)} uses")
        self._digests.append(sha256(line.event).digest())

    def _close(self) -> None:
        if self._open is None:
            return
        lane, batch_no = self._open
        self._batches.setdefault(lane, []).append(sha256(b"".join(self._digests)).digest())
        previous = self._lanes.get(lane, LaneSummary(lane, batch_no, batch_no, 0, 0, ""))
        self._lanes[lane] = replace(
            previous, last_batch=batch_no, batches=previous.batches + 1, events=previous.events + len(self._digests)
        )
        self._digests = []

    def summaries(self) -> list[LaneSummary]:
        self._close()
        self._open = None
        return [
            replace(summary, bodies_sha256=sha256(b"".join(self._batches[lane])).hexdigest())
            for lane, summary in sorted(self._lanes.items())
        ]


def file_name(day: date) -> str:
    return f"usage-{day.isoformat()}.jsonl.gz"


def manifest_path(file: Path) -> Path:
    return file.with_name(file.name.removesuffix(".jsonl.gz") + ".manifest.json")


@contextmanager
def export_writer(folder: Path, day: date) -> Generator[Callable[[Line], None]]:
    """Accept the uses of a day one by one. At the end of the block, replace the previous file and manifest with them.

    On an exception, the previous files stay. One process at a time may write to a folder: files that a killed process
    left are removed.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for stale in folder.glob(f"*{_PART}"):
        stale.unlink()
    path = folder / file_name(day)
    digest = _LaneDigest()
    part = path.with_name(path.name + _PART)
    with _create(part) as raw:
        # Without a name and time in the header, the same uses make the same file.
        with gzip.GzipFile("", "wb", _COMPRESSION, raw, mtime=0) as packed:

            def add(line: Line) -> None:
                digest.add(line)
                packed.write(msgspec.json.encode(line) + b"\n")

            yield add
        _fsync(raw)
    lanes = digest.summaries()
    manifest = Manifest(
        format=1,
        day=day,
        file=path.name,
        bytes=part.stat().st_size,
        sha256=_sha256(part),
        events=sum(lane.events for lane in lanes),
        lanes=lanes,
    )
    # A manifest must not outlive the file that it describes.
    manifest_path(path).unlink(missing_ok=True)
    part.replace(path)
    _write_atomically(manifest_path(path), msgspec.json.format(msgspec.json.encode(manifest)) + b"\n")


def verified(path: Path) -> Manifest:
    """Return the manifest of a file after checking every line of the file against it.

    Raises `CorruptExport`, and `FileNotFoundError` if the file or the manifest is missing.
    """
    try:
        manifest = _manifest_decoder.decode(manifest_path(path).read_bytes())
    except msgspec.DecodeError as error:
        raise CorruptExport(f"{manifest_path(path).name}: {error}") from error
    if (manifest.format, manifest.file) != (1, path.name):
        raise CorruptExport(f"{manifest_path(path).name} is of format {manifest.format} and about {manifest.file}")
    found = _sha256(path)
    if (manifest.bytes, manifest.sha256) != (path.stat().st_size, found):
        raise CorruptExport(f"{path.name}: its SHA-256 is {found}, and its manifest says {manifest.sha256}")
    differing = _first_difference(manifest.lanes, summaries_of(path))
    if differing is not None:
        raise CorruptExport(f"{path.name}: lane {differing} is not what its manifest says")
    return manifest


def summaries_of(path: Path) -> list[LaneSummary]:
    """Return the content of a file, by lane."""
    digest = _LaneDigest()
    for line in read(path):
        digest.add(line)
    return digest.summaries()


def read(path: Path) -> Iterator[Line]:
    """Yield the uses in a file, in the order of the log."""
    number = 0
    try:
        with gzip.open(path, "rb") as lines:
            for text in lines:
                number += 1
                yield _line_decoder.decode(text)
    except (msgspec.DecodeError, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CorruptExport(f"{path.name} line {number}: {error}") from error


def _first_difference(left: Iterable[LaneSummary], right: Iterable[LaneSummary]) -> int | None:
    first: Mapping[int, LaneSummary] = {summary.lane: summary for summary in left}
    second: Mapping[int, LaneSummary] = {summary.lane: summary for summary in right}
    return min((lane for lane in first.keys() | second.keys() if first.get(lane) != second.get(lane)), default=None)


def _create(path: Path) -> IO[bytes]:
    """Create a file that only its owner may read, because uses contain personal IP addresses."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb")


def _write_atomically(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + _PART)
    with _create(part) as raw:
        raw.write(content)
        _fsync(raw)
    part.replace(path)
    _settle_folder(path.parent)


def _fsync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _settle_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
