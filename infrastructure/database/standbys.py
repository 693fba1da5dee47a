"""Waiting until the standbys have what this server shows."""

from infrastructure.database.connection_settings import Connection
from infrastructure.database.prepared import PreparedStatement
from infrastructure.database.queries import SQL

BARRIER = PreparedStatement.of("standbys_wait", SQL.standbys_wait).call()
"""What `wait_for_standbys` commits, for a `Pipeline`: each of its calls is a transaction of its own."""


async def wait_for_standbys(connection: Connection) -> None:
    """End the transaction of `connection`, and return when the synchronous standbys have all that it could read.

    With synchronous replication, a commit waits for a standby. If that wait is cancelled, or its session ended, the
    transaction is committed on this server only, and visible (PostgreSQL: `synchronous_commit`, "Synchronous
    Replication"). If this server is then lost, so is the transaction. A caller that finds a row must not report it as
    durable before this function returns.

    It commits a message of a few bytes. Its commit record has a later position in the write-ahead log than the commit
    of every row that was visible before, and a standby confirms positions in order. The statement is its own
    transaction, so that no lock is held during the wait. Without synchronous standbys it costs one commit. Raises the
    errors in `UNAVAILABLE`.
    """
    await connection.commit()
    await connection.execute(SQL.standbys_wait)
