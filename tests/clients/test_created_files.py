"""Files that commands create: they are new, and only their owner can read them."""

import json
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import new_file
from tests.clients.command import Run

WORDS = (
    ["export", "--out", "FILE"],
    ["audit", "export", "--output", "FILE"],
    ["keys", "create", "Agent", "--all-mcps", "--out", "FILE"],
    ["keys", "import", "-", "--yes", "--rejected", "FILE"],
)
_ROW = json.dumps({"name": "", "sha256": "0" * 64})


@pytest.mark.parametrize("words", WORDS, ids=lambda words: " ".join(words[:2]))
def test_a_created_file_is_readable_for_its_owner_only_and_is_not_replaced(
    run: Run, tmp_path: Path, words: Sequence[str]
) -> None:
    file = tmp_path / "file"
    given = [str(file) if word == "FILE" else word for word in words]
    created = run(*given, stdin=_ROW)
    assert created.returncode == ("import" in words), created.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    content = file.read_bytes()
    assert content
    again = run(*given, stdin=_ROW)
    assert (again.returncode, f"{file} exists already. Choose another file" in again.stderr) == (2, True)
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_stays_empty_is_removed_also_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with new_file(path):
        assert path.exists()
    assert not path.exists()
    with pytest.raises(UsageError, match="of the caller"), new_file(path):
        raise UsageError("of the caller")
    assert not path.exists()


def test_a_file_is_rewritten_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with new_file(path) as file:
        file.rewrite(b"the first content")
        file.rewrite(b"second")
        file.write(b" part")
    assert path.read_bytes() == b"second part"


def test_a_content_that_cannot_be_stored_leaves_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device", descriptor)

    monkeypatch.setattr("os.fsync", full)
    path = tmp_path / "file"
    with pytest.raises(OSError, match="No space left"), new_file(path) as file:
        file.rewrite(b"secret")
    assert not path.exists()
