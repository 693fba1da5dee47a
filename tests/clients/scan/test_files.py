"""`keyledger scan PATH`: keys in files, wherever and however they are written."""

import errno
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from keyledger.cli.scan.files import contents
from keyledger.cli.scan.keys_in import Match, keys_in
from keyledger.cli.scan.limits import until_limit
from keyledger.cli.scan.progress import Progress
from tests.clients.command import SOURCE
from tests.clients.scan.conftest import Scan
from tests.clients.scan.repository import Repository, new_key

AROUND = [
    "{}",
    "OLD_{}",
    "x{}y",
    "{}0",
    "é{}é",
    "Bearer {}",
    "%22{}%22",
    r"\n{}\n",
    "https://h/?key={}&x",
    "pk_live_{}",
]


def test_a_key_is_reported_with_its_file_and_line_and_without_its_secret(tmp_path: Path, scan: Scan) -> None:
    key = new_key()
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text(f"a = 1\n\nKEY = '{key}'\n")
    ran, (found,) = scan(str(tmp_path))
    assert (found["path"], found["line"], found["commit"]) == (f"{tmp_path}/src/app.py", 3, None)
    assert (found["prefix"], found["last4"]) == (key[:12], key[-4:])
    assert found["sha256"] == sha256(key.encode()).hexdigest()
    assert key not in ran.stdout + ran.stderr
    assert ran.returncode == 1


@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_key_is_found_in_any_context_and_encoding(around: str, encoding: str) -> None:
    key = new_key()
    content = ("ü\n上\n" + around.format(key) + "\n").encode(encoding)
    (found,) = keys_in([content])
    assert (found.secret.reveal(), found.line) == (key, 3)


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "shift_jis", "cp037"])
def test_other_encodings_that_extend_ascii_are_read(encoding: str) -> None:
    key = new_key()
    found = [match.secret.reveal() for match in keys_in([f"KEY={key}".encode(encoding)])]
    assert found == ([] if encoding == "cp037" else [key])  # EBCDIC does not extend ASCII


@pytest.mark.parametrize("size", [1, 2, 3, 7, 39, 40, 41, 160, 1000])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_a_key_at_the_border_of_two_pieces_is_found_once(size: int, encoding: str) -> None:
    keys = [new_key() for _ in range(5)]
    content = "".join(f"{number}: {key}\n" for number, key in enumerate(keys)).encode(encoding)
    pieces = [content[start : start + size] for start in range(0, len(content), size)]
    found = list(keys_in(pieces))
    assert [match.secret.reveal() for match in found] == keys
    if encoding == "utf-8":
        assert [match.line for match in found] == [1, 2, 3, 4, 5]


SPOILT: dict[str, Callable[[str], str]] = {
    "a wrong checksum": lambda key: key[:-1] + ("0" if key[-1] != "0" else "1"),
    "too short": lambda key: key[:-1],
    "another prefix": lambda key: key.replace("pk_", "sk_"),
    "shortened": lambda key: f"{key[:12]}…{key[-4:]}",
    "upper case": str.upper,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_text_that_only_resembles_a_key_is_not_reported(
    tmp_path: Path, scan: Scan, spoil: Callable[[str], str]
) -> None:
    (tmp_path / "a").write_text(spoil(new_key()))
    assert scan(str(tmp_path))[1] == []


def test_the_checksum_of_each_text_in_the_form_of_a_key_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[str] = []

    def has_checksum(text: str) -> bool:
        computed.append(text)
        return False

    monkeypatch.setattr("keyledger.cli.scan.keys_in.has_checksum", has_checksum)
    text = "pk_live_" + "a" * 32
    assert list(keys_in([f"{text}\n".encode() * 1_000])) == []
    assert computed == [text] * 1_000


class _Counted(bytes):
    """Bytes that count how many of them are searched for line ends."""

    searched = 0

    def count(self, sub: Any, start: Any = 0, end: Any = None, /) -> int:  # noqa: ANN401 -- of bytes
        self.searched += (len(self) if end is None else end) - start
        return super().count(sub, start, end)

    def __getitem__(self, key: slice) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] -- only slices are used
        found = super().__getitem__(key)
        self.searched += len(found)
        return found


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-16-be"])
def test_every_line_end_is_counted_twice_at_most_however_many_keys_there_are(encoding: str) -> None:
    """Once for the keys in a piece, and once for the pieces after it."""
    content = _Counted(f"{new_key()}\n".encode(encoding) * 1_000)
    assert [match.line for match in keys_in([content])] == list(range(1, 1_001))
    assert 0 < content.searched <= 2 * len(content) + 1_000


@pytest.mark.parametrize("history", [False, True])
def test_a_scan_stops_after_a_thousand_keys_and_says_so(tmp_path: Path, scan: Scan, *, history: bool) -> None:
    keys = [new_key() for _ in range(1_001)]
    repository = Repository(tmp_path / "repository")
    repository.commit(many="".join(f"{key}\n{key}\n" for key in keys), other=new_key())
    ran, found = scan(str(repository.folder), *["--history"] * history)
    assert len({each["sha256"] for each in found}) == 1_000
    assert "not scanned: the rest: the scan stops after 1,000 keys in " in ran.stderr


def test_a_scan_stops_after_100_000_places_of_one_key() -> None:
    match, work = next(iter(keys_in([new_key().encode()]))), Progress()
    assert sum(1 for _ in until_limit((("file", match) for _ in range(200_000)), work)) == 100_000
    assert work.problems == 1


def test_binary_files_are_read_too(tmp_path: Path, scan: Scan) -> None:
    key = new_key("test")
    (tmp_path / "cache.pyc").write_bytes(b"\xff\0\x01" * 1000 + key.encode() + b"\0\xfe")
    assert [found["prefix"] for found in scan(str(tmp_path))[1]] == [key[:12]]


def test_a_large_file_is_read_in_pieces(tmp_path: Path) -> None:
    """A sparse file of 900 MB with a key at its end takes little memory."""
    key = new_key()
    with (tmp_path / "large").open("wb") as file:
        file.seek(900_000_000)
        file.write(key.encode())
    limited = f"ulimit -v 600000; exec {sys.executable} -m keyledger scan --offline {tmp_path}"
    _assert_found(key, limited)


def test_git_links_pipes_and_sockets_are_left_out(tmp_path: Path, scan: Scan) -> None:
    outside, tree = tmp_path / "outside", tmp_path / "tree"
    outside.mkdir()
    (outside / "secret").write_text(new_key())
    repository = Repository(tree)
    (tree / ".git/leftover").write_text(new_key())
    (tree / "to-folder").symlink_to(outside)
    (tree / "to-file").symlink_to(outside / "secret")
    (tree / "to-itself").symlink_to(tree)
    (tree / "to-nothing").symlink_to(tree / "absent")
    os.mkfifo(tree / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tree / "socket"))
        assert scan(str(tree))[1] == []
    (tree / "submodule").mkdir()
    (tree / "submodule/.git").write_text(f"gitdir: ../.git/modules/{new_key()}")
    (tree / "submodule/file").write_text(new_key())
    assert [found["path"] for found in scan(str(tree))[1]] == [f"{tree}/submodule/file"]
    assert repository.folder == tree


def test_a_link_that_the_user_names_is_followed(tmp_path: Path, scan: Scan) -> None:
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "file").write_text(new_key())
    (tmp_path / "link").symlink_to(tree)
    (tmp_path / "link-to-file").symlink_to(tree / "file")
    assert len(scan(str(tmp_path / "link"))[1]) == 1
    assert len(scan(str(tmp_path / "link-to-file"), str(tree / "file"))[1]) == 2


def test_a_pipe_that_the_user_names_is_read(tmp_path: Path, scan: Scan) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_text, args=[f"\n{new_key()}"])
    writer.start()
    (found,) = scan(str(pipe))[1]
    writer.join()
    assert found["line"] == 2


NAMES = [b"line\nend", b"tab\t", b"\xff\xfe", b"\x1b[31mred", b"-rf", b"a b", "\u202ename".encode(), b"\\n", b"'\"$(x)"]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_a_file_is_reported_on_one_line_without_control_characters(
    tmp_path: Path, scan: Scan, name: bytes
) -> None:
    path = os.fsencode(tmp_path) + b"/" + name
    with open(path, "w") as file:  # noqa: PTH123 -- a name that is not UTF-8
        file.write(new_key())
    ran, (found,) = scan(str(tmp_path))
    assert found["path"].isprintable()
    assert len(ran.stdout.splitlines()) == 1


def test_a_key_in_the_name_of_a_file_is_not_printed(tmp_path: Path, scan: Scan) -> None:
    key = new_key()
    (tmp_path / key).write_text(new_key())
    ran, (found,) = scan(str(tmp_path))
    assert found["path"] == f"{tmp_path}/{key[:12]}…"
    assert key not in ran.stdout
    ran, _ = scan(str(tmp_path / f"absent-{key}"), code=2)
    assert key not in ran.stderr


def test_excluded_files_are_left_out(tmp_path: Path, scan: Scan) -> None:
    for name in ("kept", ".env", "a.lock", "deep/.env", "node_modules/a", "docs/one/two"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(new_key())
    patterns = [".env", "*.lock", "node_modules", "docs/one/*"]
    options = [option for pattern in patterns for option in ("--exclude", pattern)]
    assert [found["path"] for found in scan(str(tmp_path), *options)[1]] == [f"{tmp_path}/kept"]


_AS_OTHER_USER = """
import os, sys
from keyledger.cli.main import main
if os.geteuid() == 0:  # who may read everything
    os.seteuid(65534)
sys.exit(main(["scan", "--offline", *sys.argv[1:]]))
"""


def test_what_cannot_be_read_is_reported_and_is_no_success() -> None:
    def scanned() -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
        command = [sys.executable, "-c", _AS_OTHER_USER, folder]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    with TemporaryDirectory() as folder:  # the folders of pytest are closed to others
        tree = Path(folder)
        tree.chmod(0o755)
        (tree / "closed").mkdir()
        (tree / "file").write_text("nothing")
        (tree / "closed").chmod(0)
        (tree / "file").chmod(0)
        ran = scanned()
        assert ran.returncode == 7, ran.stderr
        assert f"not scanned: {tree}/closed: Permission denied" in ran.stderr
        assert f"not scanned: {tree}/file: Permission denied" in ran.stderr
        (tree / "open").write_text(new_key())
        assert scanned().returncode == 1
        (tree / "closed").chmod(0o755)


class _WithoutKind:
    """An entry of a file system that lists names only, in a folder whose entries may not be looked at."""

    def __init__(self, entry: "os.DirEntry[bytes]") -> None:
        self.name, self.path = entry.name, entry.path

    def is_dir(self, *, follow_symlinks: bool) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", follow_symlinks)

    is_file = is_dir


def test_an_entry_that_cannot_be_looked_at_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text(new_key())
    problems: list[tuple[str, str]] = []
    with os.scandir(os.fsencode(tmp_path)) as found:
        entries = [_WithoutKind(entry) for entry in found]

    def scandir(_: bytes) -> nullcontext[list[_WithoutKind]]:
        return nullcontext(entries)

    monkeypatch.setattr(os, "scandir", scandir)
    assert list(contents([str(tmp_path)], [], lambda path, reason: problems.append((path, reason)))) == []
    assert problems == [(f"{tmp_path}/file", "Permission denied")]


def test_a_file_that_becomes_a_pipe_is_not_read(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(new_key())
    problems: list[tuple[str, str]] = []
    (content,) = contents([str(tmp_path)], [], lambda path, reason: problems.append((path, reason)))
    file.unlink()
    os.mkfifo(file)
    assert list(content.chunks) == []
    assert problems == [(str(file), "it is no longer a regular file")]


def test_a_file_whose_content_cannot_be_read_is_reported(scan: Scan) -> None:
    ran, _ = scan("/proc/self/mem", code=7)
    assert "not scanned: /proc/self/mem: Input/output error" in ran.stderr


def test_standard_input_is_read_in_pieces(tmp_path: Path) -> None:
    """700 MB with a key at their end take little memory."""
    key = new_key()
    source = tmp_path / "source"
    source.write_text(key)
    limited = (
        f"{{ head -c 700000000 /dev/zero; cat {source}; }}"
        f" | ( ulimit -v 600000; exec {sys.executable} -m keyledger scan --offline - )"
    )
    _assert_found(key, limited)


def test_a_key_in_standard_input_is_reported_with_its_line(scan: Scan) -> None:
    key = new_key()
    ran, (found,) = scan("-", stdin=f"first\nkey: {key}\n")
    assert (found["path"], found["line"]) == ("standard input", 2)
    assert key not in ran.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent"], "absent cannot be scanned: No such file or directory"),
        (["-", "--history"], "Standard input has no history"),
        (["-", "-"], ""),
        ([".", "--history", "--exclude", "a"], "--exclude is for files"),
        ([], "the following arguments are required: PATH"),
    ],
)
def test_a_command_that_cannot_be_executed_exits_with_2(scan: Scan, arguments: list[str], told: str) -> None:
    ran, _ = scan(*arguments, code=2 if told else 0)
    assert told in ran.stderr


def test_a_match_shows_no_secret() -> None:
    (found,) = keys_in([new_key().encode()])
    assert isinstance(found, Match)
    assert repr(found) == "Match(secret=Secret(…), line=1)"


def _assert_found(key: str, command: str) -> None:
    """Run a command of bash that scans, and assert that it finds the key."""
    ran = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 1, ran.stderr
    assert f"{key[:12]}…{key[-4:]}" in ran.stdout
