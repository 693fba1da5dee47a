"""PostgreSQL that takes as long to recover, or to stop, as a test wants: until a file is there.

Its own hooks do the waiting: recovery from an archive waits for `restore_command`, and a stop waits for
`archive_command`. Nothing of the server is replaced.
"""

from pathlib import Path

import psycopg

from embedded.postgres import SUPERUSER, PostgreSQL


def slow_to_recover(folder: Path) -> Path:
    """Make data in `folder` whose next start recovers until the file that is given is there."""
    with PostgreSQL(folder) as server, psycopg.connect(server.url) as connection:
        connection.execute("create table kept as select 1 as one")
    with (folder / "postgresql.auto.conf").open("a") as settings:
        # The data folder is the working folder of the server, and the only one that its account can surely enter.
        settings.write("restore_command = 'touch asked; while [ ! -e go ]; do sleep 0.1; done; false'\n")
    (folder / "recovery.signal").touch()
    (folder / "recovery.signal").chmod(0o666)
    return folder / "go"


def is_recovering(folder: Path) -> bool:
    """Whether the server waits for the file."""
    return (folder / "asked").exists()


def slow_to_stop(server: PostgreSQL) -> Path:
    """From its next start on, a server to which something was written does not stop before the given file is there."""
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
