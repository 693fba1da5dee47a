"""A PostgreSQL server that does not finish recovering, or stopping, until a test creates a file.

The server's own hooks wait: recovery from an archive waits for `restore_command`, and a stop waits for
`archive_command`. No part of the server is replaced.
"""

from pathlib import Path

import psycopg

from embedded.postgres import SUPERUSER, PostgreSQL


def slow_to_recover(folder: Path) -> Path:
    """Create data in `folder` whose next start recovers until the returned file exists."""
    with PostgreSQL(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 1 as one")
    with (folder / "postgresql.auto.conf").open("a") as settings:
        # The data folder is the working folder of the server, and the only one that its account can always enter.
        settings.write("restore_command = 'touch asked; while [ ! -e go ]; do sleep 0.1; done; false'\n")
    (folder / "recovery.signal").touch()
    (folder / "recovery.signal").chmod(0o666)
    return folder / "go"


def is_recovering(folder: Path) -> bool:
    """Return whether the server is waiting for the file."""
    return (folder / "asked").exists()


def slow_to_stop(server: PostgreSQL) -> Path:
    """Return the file that must exist before the server can stop, from its next start on, once it was written to."""
    with psycopg.connect(server.url_of("postgres", SUPERUSER), autocommit=True) as connection:
        connection.execute("alter system set archive_mode = on")
        connection.execute("alter system set archive_command = 'while [ ! -e go ]; do sleep 0.1; done'")
    return server.folder / "go"


def write_something(folder: Path) -> None:
    """Write to the running server on `folder`, so that there is something to archive."""
    superuser = f"postgresql://{SUPERUSER}@/keyledger?host={folder}"
    with psycopg.connect(superuser, autocommit=True) as connection:
        connection.execute("create table written as select 1 as number")
        connection.execute("select pg_switch_wal()")
