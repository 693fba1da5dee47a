import os
import subprocess
import sys
from pathlib import Path

from app.observability.metrics.multiprocess_dir import shared_folder


def test_the_metrics_folder_of_a_killed_server_is_removed_at_the_next_start(tmp_path: Path) -> None:
    """Folders of running processes and unrelated folders are kept."""
    program = (
        "import os, pathlib, signal, sys\n"
        "from app.observability.metrics.multiprocess_dir import shared_folder\n"
        "with shared_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'counter_1.db').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode < 0
    (left,) = tmp_path.iterdir()
    living = tmp_path / f"keyledger-metrics-{os.getppid()}-living"
    living.mkdir()
    other = tmp_path / "other"
    other.mkdir()
    with shared_folder(tmp_path) as folder:
        assert set(tmp_path.iterdir()) == {folder, living, other}
        assert not left.exists()
    assert set(tmp_path.iterdir()) == {living, other}
