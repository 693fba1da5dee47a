"""PgBouncer in session mode between a test and PostgreSQL, under an account that is not root."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from tests.eventstore.stripping_proxy import stripping_proxy
from tests.missing import stop_without
from tests.waiting import eventually

_SOCKET = ".s.PGSQL.5432"
_CONFIGURATION = """\
[databases]
{database} = host={upstream} port=5432 user={user}{connect_query}
[pgbouncer]
listen_port = 5432
unix_socket_dir = {folder}
unix_socket_mode = 0777
auth_type = any
pool_mode = session
default_pool_size = {pool_size}
ignore_startup_parameters = options
; `discard all`, the default, would also reset what connect_query has set.
server_reset_query = deallocate all
"""


def _program() -> str:
    found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")
    return found or stop_without("PgBouncer is not installed: apt-get install pgbouncer")


@contextmanager
def pgbouncer(url: str, settings: Mapping[str, str], *, pool_size: int = 5) -> Generator[str]:
    """Run PgBouncer in front of the server of `url` and yield its URL. Every session starts with `settings`.

    PgBouncer drops startup parameters, so `settings` are all that a session has. A proxy that drops nothing connects to
    PostgreSQL under the account of this test, because PostgreSQL accepts no other account.
    """
    program = _program()
    database, user = urlsplit(url).path.lstrip("/"), urlsplit(url).username
    assignments = ", ".join(f"set_config(''{name}'', ''{value}'', false)" for name, value in settings.items())
    with stripping_proxy(url, "nothing") as upstream, tempfile.TemporaryDirectory() as name:
        (reached,) = parse_qs(urlsplit(upstream).query)["host"]
        folder = Path(name)
        for path, mode in ((folder, 0o777), (Path(reached), 0o755), (Path(reached) / _SOCKET, 0o777)):
            path.chmod(mode)
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            _CONFIGURATION.format(
                database=database,
                upstream=reached,
                user=user,
                connect_query=f" connect_query='select {assignments}'" if settings else "",
                folder=folder,
                pool_size=pool_size,
            )
        )
        nobody = pwd.getpwnam("nobody") if os.geteuid() == 0 else None
        process = subprocess.Popen(
            [program, "--quiet", str(configuration)],
            cwd=folder,
            user=nobody and nobody.pw_uid,
            group=nobody and nobody.pw_gid,
            extra_groups=nobody and [],
        )
        try:
            eventually(lambda: (folder / _SOCKET).exists() or process.poll() is not None)
            assert process.poll() is None, "PgBouncer has ended"
            yield f"postgresql://{user}@/{database}?host={quote(str(folder), safe='/')}"
        finally:
            process.terminate()
            process.wait()
