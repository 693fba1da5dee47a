"""Log lines that cannot be written are dropped without any other effect."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from domain.grants import GRANTS
from domain.keys.permissions import Permissions
from embedded.postgres import SUPERUSER, PostgreSQL
from embedded.processes import wait_for
from tests.app.organizations import Database
from tests.app.serving import ROOT, Server
from tests.stories.wire import Wire
from tests.waiting import stretched

BROKEN = {
    "a full disk": "2>/dev/full",
    "a closed pipe": "2> >(exit 0)",
    "a reader that does not read": "2> >(sleep 600)",
    "closed": "2>&-",
    "everything closed": "0<&- >&- 2>&-",
}

PIPE_FULL_LINES = 500
"""More lines than fit into a pipe."""


@pytest.mark.parametrize("standard_error", BROKEN.values(), ids=BROKEN.keys())
def test_verification_recovers_from_an_outage_even_if_standard_error_is_broken(
    database_url: str, redis_url: str, tmp_path: Path, database: Database, postgres: PostgreSQL, standard_error: str
) -> None:
    _, secret = database.key(database.organization("team"), permissions=Permissions(mcps="*", manage=GRANTS))
    settings = {"KEYLEDGER_REQUEST_TIMEOUT_SECONDS": "1", "KEYLEDGER_ACCESS_LOG": "all"}
    server = Server(database_url, redis_url, tmp_path / "api.log", settings, standard_error=standard_error)
    server.start()
    try:
        with Wire(server.port, secret, seconds=30) as wire:
            for _ in range(PIPE_FULL_LINES):
                assert wire.request("GET", "/health/live").status == 200
            assert wait_for(lambda: wire.verify(secret).status == 200, stretched(10))
            with _without_database(postgres, database_url):
                assert wait_for(lambda: wire.verify(secret).status == 503, stretched(10))
                assert wire.request("GET", "/health/ready").status == 503
            assert wait_for(lambda: wire.verify(secret).status == 200, stretched(20))
            assert wait_for(lambda: wire.request("GET", "/health/ready").status == 200, stretched(20))
            assert wait_for(lambda: _dropped(wire) > 0, stretched(10))
    finally:
        server.stop()


@pytest.mark.parametrize("standard_error", BROKEN.values(), ids=BROKEN.keys())
def test_logging_never_raises(tmp_path: Path, standard_error: str) -> None:
    result = tmp_path / "result"
    program = f"""
import logging, warnings, structlog
from pathlib import Path
from infrastructure.log_output import dropped_lines
from infrastructure.log_format import configure_logging, log_context

class Unspeakable:
    def __repr__(self):
        raise RuntimeError("no")
    __str__ = __repr__

configure_logging()
log = structlog.get_logger()
for _ in range({PIPE_FULL_LINES}):
    log.warning("ours", text="x" * 300)
log.info("unspeakable", of=Unspeakable())
logging.getLogger("rq").error("theirs")
logging.getLogger("rq").error("%s", Unspeakable())
logging.getLogger("rq").error("%d %d", 1)
warnings.warn("old")
try:
    raise OSError("an error with a trace")
except OSError:
    log.exception("ours")
    logging.getLogger("rq").exception("theirs")
Path({str(result)!r}).write_text(str(dropped_lines()))
"""
    command = ["timeout", "60", "bash", "-c", f'exec "$@" {standard_error}', "bash", sys.executable, "-c", program]
    done = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert done.returncode == 0
    assert int(result.read_text()) > 10


def test_a_truncated_line_does_not_corrupt_the_next_one(tmp_path: Path) -> None:
    """A limit on the file size truncates a line like a full disk does. Removing it is like freeing space."""
    program = """
import resource, signal, structlog
from infrastructure.log_format import configure_logging
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
configure_logging()
log = structlog.get_logger()
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))
for number in range(20):
    log.info("before", number=number)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
log.info("after")
log.info("after that")
"""
    log = tmp_path / "log"
    with log.open("ab") as stream:
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stderr=stream)
    *whole, cut_off, after, later = log.read_text().splitlines()
    assert [json.loads(line)["number"] for line in whole] == list(range(len(whole)))
    with pytest.raises(json.JSONDecodeError):
        json.loads(cut_off)
    assert [json.loads(line)["event"] for line in (after, later)] == ["after", "after that"]


@contextmanager
def _without_database(postgres: PostgreSQL, database_url: str) -> Generator[None]:
    """Make the database end all connections and accept none."""
    name = str(conninfo_to_dict(database_url)["dbname"])
    allow = sql.SQL("alter database {} allow_connections {}")
    with psycopg.connect(postgres.url_of("postgres", SUPERUSER), autocommit=True) as admin:
        admin.execute(allow.format(sql.Identifier(name), sql.Literal(False)))
        admin.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", [name])
        try:
            yield
        finally:
            admin.execute(allow.format(sql.Identifier(name), sql.Literal(True)))


def _dropped(wire: Wire) -> float:
    text = wire.request("GET", "/metrics").content.decode()
    lines = [line for line in text.splitlines() if line.startswith("keyledger_log_lines_dropped_total ")]
    return float(lines[0].split()[1]) if lines else 0
