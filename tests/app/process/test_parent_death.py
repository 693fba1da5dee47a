import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tests.app.serving import Server
from tests.waiting import stretched


@pytest.mark.skipif(sys.platform != "linux", reason="only the Linux kernel supports this")
def test_no_api_process_outlives_a_killed_server(database_url: str, redis_url: str, tmp_path: Path) -> None:
    server = Server(database_url, redis_url, tmp_path / "api.log", {"API_WORKERS": "2"})
    try:
        server.start()
        children = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        assert len(children) >= 2
        os.kill(server.pid, signal.SIGKILL)
        deadline = time.monotonic() + stretched(5)
        while any(_is_running(pid) for pid in children):
            assert time.monotonic() < deadline, "a child process is still running"
            time.sleep(0.05)
    finally:
        server.kill()


def _is_running(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
