"""Bytecode that root compiles for accounts that cannot write it themselves."""

import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.bytecode import compile_listed, compile_packages


@pytest.fixture
def closed_umask() -> Iterator[None]:
    """The umask of the supervisor."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def _bytecode(source: Path) -> Path:
    return source.parent / "__pycache__" / f"{source.stem}.{sys.implementation.cache_tag}.pyc"


@pytest.mark.usefixtures("closed_umask")
def test_missing_and_outdated_bytecode_is_compiled_for_all_accounts(tmp_path: Path) -> None:
    source = tmp_path / "package" / "module.py"
    source.parent.mkdir()
    for text in ("one = 1\n", "another = 22\n"):
        source.write_text(text)
        compile_packages([source.parent])
        compiled = _bytecode(source)
        assert stat.S_IMODE(compiled.stat().st_mode) == 0o644
        assert stat.S_IMODE(compiled.parent.stat().st_mode) == 0o755
        # Python uses this bytecode. It would overwrite bytecode that does not match the source.
        before = compiled.stat().st_mtime_ns
        subprocess.run([sys.executable, "-c", "import package.module"], cwd=tmp_path, env={}, check=True)
        compile_packages([source.parent])
        assert compiled.stat().st_mtime_ns == before


def test_sources_with_errors_are_skipped(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def")
    (tmp_path / "binary.py").write_bytes(b"\0\xff")
    (tmp_path / "sound.py").write_text("")
    compile_packages([tmp_path])
    assert [path.name.partition(".")[0] for path in (tmp_path / "__pycache__").iterdir()] == ["sound"]


def test_a_list_from_another_account_can_select_only_sources_in_the_packages(tmp_path: Path) -> None:
    packages, elsewhere = tmp_path / "packages", tmp_path / "elsewhere"
    for folder in (packages, elsewhere):
        folder.mkdir()
        (folder / "module.py").write_text("")
    listed = [
        elsewhere / "module.py",
        packages / ".." / "elsewhere" / "module.py",
        packages / "missing.py",
        packages,
        "",
    ]
    compile_listed(map(str, listed), [packages])
    assert not list(tmp_path.rglob("*.pyc"))
    compile_listed([f"{packages}/module.py"], [packages])
    assert _bytecode(packages / "module.py").exists()
