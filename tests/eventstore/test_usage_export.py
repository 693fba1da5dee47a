"""A usage export file appears whole or not at all, and can be verified by itself."""

import gzip
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from msgspec import Raw

from eventstore.usage_export import CorruptExport, Line, export_writer, file_name, manifest_path, read, verified

DAY = date(2026, 1, 30)
AT = datetime(2026, 1, 30, 12, tzinfo=UTC)
LINES = [Line(lane, batch, n, AT, Raw(b'{"id":"%d"}' % n)) for lane in (3, 7) for batch in (1, 4) for n in range(3)]

KILLED_AT = """
import os, pathlib, signal, sys
from eventstore import usage_export
from tests.eventstore.test_usage_export import DAY, LINES

left = int(sys.argv[2])

def dying(real):
    def instead(*arguments):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments)
    return instead

os.fsync, pathlib.Path.replace = dying(os.fsync), dying(pathlib.Path.replace)
with usage_export.export_writer(pathlib.Path(sys.argv[1]), DAY) as add:
    for line in LINES:
        add(line)
"""


def written(folder: Path) -> Path:
    write_some(folder, range(len(LINES)))
    return folder / file_name(DAY)


def write_some(folder: Path, order: Iterable[int]) -> None:
    with export_writer(folder, DAY) as add:
        for number in order:
            add(LINES[number])


def test_an_export_is_read_back_unchanged(tmp_path: Path) -> None:
    path = written(tmp_path / "new")
    assert list(read(path)) == LINES
    manifest = verified(path)
    assert (manifest.day, manifest.events) == (DAY, 12)
    assert [(lane.lane, lane.first_batch, lane.last_batch, lane.batches, lane.events) for lane in manifest.lanes] == [
        (3, 1, 4, 2, 6),
        (7, 1, 4, 2, 6),
    ]
    assert path.read_bytes() == written(tmp_path / "again").read_bytes()


def test_a_failed_export_leaves_the_previous_file(tmp_path: Path) -> None:
    path = written(tmp_path)
    before = path.read_bytes()
    with pytest.raises(CorruptExport):
        write_some(tmp_path, [0, 2])
    assert path.read_bytes() == before
    assert verified(path).events == 12


@pytest.mark.parametrize("before", [False, True])
def test_an_export_killed_at_any_step_leaves_a_whole_file_or_none(tmp_path: Path, *, before: bool) -> None:
    if before:
        written(tmp_path)
    path = tmp_path / file_name(DAY)
    outcomes: list[bool] = []
    while True:
        command = [sys.executable, "-c", KILLED_AT, str(tmp_path), str(len(outcomes) + 1)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        ended = subprocess.run(command, check=False, env=environment).returncode
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
        try:
            outcomes.append(verified(path).events == 12)
        except FileNotFoundError:
            outcomes.append(False)
    assert len(outcomes) == 5  # two files and the folder are synced, two files are renamed
    assert verified(path).events == 12
    assert not list(tmp_path.glob("*.part"))


def test_each_damage_is_detected(tmp_path: Path) -> None:
    path = written(tmp_path)
    good, manifest_bytes = path.read_bytes(), manifest_path(path).read_bytes()
    lines = gzip.decompress(good).splitlines(keepends=True)

    def damaged(content: bytes, manifest: bytes = manifest_bytes) -> str:
        path.write_bytes(content)
        manifest_path(path).write_bytes(manifest)
        with pytest.raises(CorruptExport) as found:
            verified(path)
        return str(found.value)

    assert "its SHA-256 is" in damaged(good[:-9])
    assert "its SHA-256 is" in damaged(gzip.compress(b"".join(lines[:-1])))
    assert "Expected" in damaged(good, b"[]")
    assert "is of format 2" in damaged(good, manifest_bytes.replace(b'"format": 1', b'"format": 2'))
    assert "lane 3 is not what its manifest says" in damaged(
        good, manifest_bytes.replace(b'"events": 6', b'"events": 5', 1)
    )


@pytest.mark.parametrize(
    ("order", "reason"), [([1, 0], "1 follows 0 uses"), ([0, 2], "2 follows 1 uses"), ([0, 1, 2, 6, 0], "out of order")]
)
def test_uses_out_of_order_are_refused(tmp_path: Path, order: list[int], reason: str) -> None:
    with pytest.raises(CorruptExport, match=reason):
        write_some(tmp_path, order)


# The ids are explicit: gzip stores the time in its output, and every test process must collect the same names.
@pytest.mark.parametrize(
    "content",
    [b"no gzip", gzip.compress(b"{}\n"), gzip.compress(b"x" * 1000)[:-20]],
    ids=["no gzip", "no use", "cut short"],
)
def test_an_invalid_export_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / file_name(DAY)
    path.write_bytes(content)
    with pytest.raises(CorruptExport, match=path.name):
        list(read(path))
