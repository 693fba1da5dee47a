"""Data of PostgreSQL, created once per test process and copied, because creating it takes longer than most tests."""

import subprocess
from pathlib import Path

import pytest

from embedded.postgres import PostgreSQL


@pytest.fixture(scope="session")
def created_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("created") / "data"
    with PostgreSQL(folder, durable=False):
        return folder


@pytest.fixture
def data(created_data: Path, tmp_path: Path) -> Path:
    """The folder of a server that was started once and stopped. Owners and permissions are those of a server's data."""
    subprocess.run(["/bin/cp", "-a", created_data, tmp_path / "data"], check=True)
    return tmp_path / "data"
