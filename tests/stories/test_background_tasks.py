"""If a background task that must run permanently ends, its process ends too and is replaced."""

from contextlib import suppress
from pathlib import Path

import pytest

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.processes import wait_for
from tests.app.organizations import Database
from tests.process_tree import children_of
from tests.stories.conftest import StartServer
from tests.stories.faulty_builds import FATAL
from tests.stories.wire import Wire
from tests.waiting import stretched


@pytest.mark.parametrize("processes", [1, 2])
def test_a_process_whose_verification_task_ended_is_replaced(
    start_server: StartServer, database: Database, tmp_path: Path, processes: int
) -> None:
    _, secret = database.key(database.organization("team"), permissions=Permissions(mcps="*", manage=GRANTS))
    server = start_server("tests.stories.faulty_builds", "failing_verifier", API_WORKERS=str(processes))
    assert wait_for(lambda: len(children_of(server.pid)) == processes, stretched(20))
    before = set(children_of(server.pid))
    with Wire(server.port, secret, seconds=30) as wire:
        assert wire.verify(secret).status == 200
        with suppress(OSError):  # the process may have ended before it sent its response
            assert wire.verify(secret, mcp_id="mcp_" + "0" * 26, tool=FATAL).status == 503

    def is_replaced() -> bool:
        now = set(children_of(server.pid))
        return len(now) == processes and len(now & before) == processes - 1

    assert wait_for(is_replaced, stretched(20))

    def verifies() -> bool:
        try:
            with Wire(server.port, secret, seconds=30) as wire:
                return wire.verify(secret).status == 200
        except OSError:
            return False

    assert wait_for(verifies, stretched(20))
    log = (tmp_path / "tests.stories.faulty_builds-failing_verifier.log").read_text()
    assert '"event":"background_task_ended"' in log
    assert '"task":"group commit 0"' in log
