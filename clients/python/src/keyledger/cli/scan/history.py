"""The history of a git repository: every version of every file, and the messages of commits and tags.

`git rev-list` lists all objects that a branch, a tag, a stash or the reflog reaches, and `git cat-file` returns their
content. Each version is read once, however many commits contain it. Only for versions with a key, `git log` then says
which commit added them. These commands execute nothing that the repository configures.
"""

import os
import stat
import subprocess
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import IO, Final, NamedTuple

from keyledger.cli.exit_codes import UsageError
from keyledger.cli.files import reason_of
from keyledger.cli.output import plural
from keyledger.cli.scan.files import Problem, shown
from keyledger.cli.scan.keys_in import CHUNK_BYTES

_ALL: Final = ("--all", "--reflog")
_OTHER_REPOSITORY: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_SHALLOW_FILE",
    "GIT_GRAFT_FILE",
    "GIT_CONFIG",
    "GIT_REPLACE_REF_BASE",
)
"""Variables that a hook of git has, and that would name its repository, or parts of it, instead of the given one."""

_RAW_WORDS: Final = 5
"""Two modes, two ids and a status, in a line of `git log --raw`. A line of another form is skipped."""

_READ_BYTES: Final = 1 << 20


class Object(NamedTuple):
    """`kind`: blob, commit or tag. `chunks` can be iterated over once."""

    id: str
    kind: str
    chunks: Iterator[bytes]


class Addition(NamedTuple):
    """The oldest commit that added an object at a path. The commit is empty if no commit contains the object."""

    commit: str
    path: str


class History:
    """The repository that contains the folder `path`."""

    def __init__(self, path: str, problem: Problem) -> None:
        """Raise UsageError if there is none, or if `path` does not exist."""
        self._folder = _folder_of(path)
        self._problem = problem
        self._environment = {
            **{name: value for name, value in os.environ.items() if name not in _OTHER_REPOSITORY},
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            # Versions of git before 2.45 ignore GIT_NO_LAZY_FETCH. To fetch, they would start the programs that the
            # repository names, so no protocol is allowed. None has this name.
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "LC_ALL": "C",
        }
        answer = self._answer("rev-parse", "--is-shallow-repository")
        self.is_shallow = answer.strip() == b"true"

    def objects(self) -> Iterator[Object]:
        """Yield all versions of files, and all commits and tags."""
        with (
            self._started("rev-list", "--objects", "--no-object-names", *_ALL) as listing,
            self._started("cat-file", "--batch", "--buffer", stdin=_output(listing)) as reading,
        ):
            _output(listing).close()  # so that the listing ends if the reading does
            yield from self._read(_output(reading))
        self._check(listing, "git rev-list")
        self._check(reading, "git cat-file")

    def additions_of(self, ids: Collection[str]) -> Mapping[str, list[Addition]]:
        """Return the additions of these versions of files, one for each path, oldest first."""
        additions: dict[str, dict[bytes, Addition]] = {}
        if not ids:
            return {}
        # The configuration of the user and of the repository must not change what is listed.
        options = (
            "--topo-order",
            "--reverse",
            "--raw",
            "-z",
            "--no-abbrev",
            "--no-renames",
            "--root",
            "--diff-merges=separate",
            "--no-relative",
            "--no-color",
            "--no-ext-diff",
            "--no-textconv",
            "-O/dev/null",  # no diff.orderFile
            "--format=%H",
        )
        with self._started("log", *_ALL, *options) as log:
            commit, fields = "", _fields(_output(log))
            for field in fields:
                text = field.lstrip(b"\n")
                if not text.startswith(b":"):
                    commit = text.decode("ascii", "replace") or commit
                    continue
                path = next(fields, b"")
                words = text.split(b" ")
                added = words[3].decode("ascii", "replace") if len(words) == _RAW_WORDS else ""
                if added in ids:
                    known = additions.setdefault(added, {})
                    if path not in known:
                        known[path] = Addition(commit, shown(path))
        self._check(log, "git log")
        return {name: list(known.values()) for name, known in additions.items()}

    def _read(self, output: IO[bytes]) -> Iterator[Object]:
        missing = 0
        while header := output.readline():
            words = header.decode("ascii", "replace").split()
            if len(words) != 3:  # noqa: PLR2004 -- id, type, size; or "id missing"
                missing += 1
                continue
            name, kind, size = words[0], words[1], int(words[2])
            chunks = _pieces(output, size)
            if kind != "tree":
                yield Object(name, kind, chunks)
            for _ in chunks:  # what the caller did not read
                pass
            output.read(1)
        if missing:
            self._problem(self._folder, f"this copy of the repository lacks {plural(missing, 'version')}")

    def _answer(self, *arguments: str) -> bytes:
        with self._started(*arguments, with_errors=True) as ran:
            answer, errors = ran.communicate()
        if ran.returncode:
            lines = errors.decode("utf-8", "replace").splitlines() or ["git failed"]
            reason = lines[0].removeprefix("fatal: ")
            raise UsageError(f"{shown(os.fsencode(self._folder))} has no history that git can read: {reason}")
        return answer

    def _started(
        self, *arguments: str, stdin: IO[bytes] | None = None, with_errors: bool = False
    ) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(  # noqa: S603 -- git, with the arguments of this module
                ["git", "-c", "log.showSignature=false", "-C", self._folder, *arguments],  # noqa: S607 -- the git of the user
                stdin=stdin or subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE if with_errors else subprocess.DEVNULL,
                env=self._environment,
            )
        except OSError as error:
            raise UsageError(f"The history needs git, which cannot be started: {error.strerror}.") from None

    def _check(self, ran: "subprocess.Popen[bytes]", name: str) -> None:
        if ran.wait():
            self._problem(self._folder, f"{name} failed, so the history was not read completely")


def _folder_of(path: str) -> str:
    """Return the folder, or that of the file. A path without either is refused: its parent was not named."""
    try:
        is_folder = stat.S_ISDIR(Path(path).stat().st_mode)
    except (OSError, ValueError) as error:
        name = shown(os.fsencode(path))
        if isinstance(error, (FileNotFoundError, NotADirectoryError)):
            raise UsageError(f"{name} does not exist.") from None
        raise UsageError(f"{name} cannot be scanned: {reason_of(error)}") from None
    return path if is_folder else str(Path(path).parent)


def _output(ran: "subprocess.Popen[bytes]") -> IO[bytes]:
    if ran.stdout is None:
        raise LookupError("The output is not a pipe")
    return ran.stdout


def _pieces(output: IO[bytes], size: int) -> Iterator[bytes]:
    while size > 0:
        piece = output.read(min(size, CHUNK_BYTES))
        if not piece:
            return
        size -= len(piece)
        yield piece


def _fields(output: IO[bytes]) -> Iterator[bytes]:
    """Yield the parts of an output that end with NUL."""
    rest = b""
    while piece := output.read(_READ_BYTES):
        *parts, rest = (rest + piece).split(b"\0")
        yield from parts
    yield rest
