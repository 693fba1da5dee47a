"""The commands of a process, with every projection that changes together with the log."""

from eventstore.commands import Commands
from infrastructure.database.connections import Pool
from projections.read_models.organizations.counts.queries import admission
from projections.registry import INLINE


def commands_on(pool: Pool, timeout_seconds: float | None = None) -> Commands:
    """Return the `Commands` that use `pool`. `timeout_seconds` is the timeout of a request, or None."""
    return Commands(pool, INLINE, admission, timeout_seconds)
