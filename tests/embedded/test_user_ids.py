"""Unused user ids, also when two processes look for one at the same time."""

import os
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedded import account, user_ids
from embedded.account import Account
from embedded.errors import CannotStart

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root runs servers under another account")

_ROOT = Path(__file__).parents[2]
_FREE, _OTHER = 58_501, 58_502
_RESERVE = "import sys; from embedded import user_ids; print(user_ids.reserve(int(sys.argv[1])), flush=True); input()"
_RUN = """
import os, sys
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[1]))
print(flush=True)
input()
"""


@contextmanager
def _process(program: str, *words: int) -> Generator[str]:
    """Start another process, which runs until the end of the context, and yield the first line that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.communicate("\n")


@pytest.fixture(autouse=True)
def two_ids(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    ids = range(_FREE, _OTHER + 1)
    monkeypatch.setattr(user_ids, "IDS", ids)
    monkeypatch.setattr(account, "IDS", ids)
    yield
    for uid in ids:
        user_ids.release(uid)


def test_an_id_is_reserved_by_one_process_until_that_process_ends() -> None:
    with _process(_RESERVE, _FREE) as answer:
        assert answer == "True"
        assert not user_ids.reserve(_FREE)
        assert user_ids.reserve_unused() == _OTHER
        with pytest.raises(CannotStart, match=f"every user id from {_FREE} to {_OTHER} is in use"):
            user_ids.reserve_unused()
    assert user_ids.reserve_unused() == _FREE
    user_ids.release(_FREE)
    with _process(_RESERVE, _FREE) as answer:
        assert answer == "True"


@pytest.mark.parametrize(("uid", "gid"), [(_FREE, 0), (12_345, _FREE)])
def test_an_id_that_a_process_runs_under_is_not_reserved(uid: int, gid: int) -> None:
    with _process(_RUN, uid, gid):
        assert not user_ids.reserve(_FREE)
        assert user_ids.reserve_unused() == _OTHER


def test_the_owner_of_data_is_kept_only_if_no_other_process_uses_that_id(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, _FREE, 0)
    with _process(_RUN, _FREE, _FREE):
        assert Account.for_data_in(data) == Account(_OTHER, _OTHER)
    user_ids.release(_OTHER)
    with _process(_RESERVE, _FREE):
        assert Account.for_data_in(data) == Account(_OTHER, _OTHER), "another supervisor has a copy of the data"
    user_ids.release(_OTHER)
    assert Account.for_data_in(data) == Account(_FREE, _FREE), "the group of root is not kept"


def test_an_id_of_a_named_account_is_not_reserved(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(user_ids, "IDS", range(2))  # root, and an account of every system
    with pytest.raises(CannotStart, match="every user id from 0 to 1 is in use"):
        Account.for_data_in(tmp_path / "missing")
