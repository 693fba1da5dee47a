"""What the routes work with: one of each for the whole process."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from app.config import Config
from app.draining import Draining
from app.limits.rate_limits import RateLimits
from app.metrics.exposition import Exposition
from app.openid.provider import Provider
from app.operations.standing import Standing
from app.security.cursors import CursorSigner
from app.verification import Verification
from domain.organizations.plan import Plans
from eventstore.bound import at_the_gate, reading, writing, writing_at_the_gate
from eventstore.database import Connection, Pool
from gateway.gateway import Gateway
from gateway.places import CountryOf
from gateway.sealing import Sealer


@dataclass(frozen=True, slots=True)
class Services:
    """`pool` for changes, `verification` for presented keys, `gateway` for calls to MCP servers.

    A route reads through `reading`: the database itself then shows it nothing of another organization. `country_of`
    tells what is shown of an address.
    """

    config: Config
    draining: Draining
    pool: Pool
    verification: Verification
    gateway: Gateway
    sealer: Sealer
    cursors: CursorSigner
    plans: Plans
    openid: Provider | None
    standing: Standing
    exposition: Exposition
    rate_limits: RateLimits
    country_of: CountryOf

    def reading(self, organization_id: str) -> AbstractAsyncContextManager[Connection]:
        """A transaction that sees what this organization has, and writes nothing."""
        return reading(self.pool, organization_id)

    def writing(self, organization_id: str) -> AbstractAsyncContextManager[Connection]:
        """A transaction for what is in no event; changes of anything else go through `app.changes`."""
        return writing(self.pool, organization_id)

    def at_the_gate(self) -> AbstractAsyncContextManager[Connection]:
        """A transaction that looks up a presented credential before anyone knows whose it is, and sees little else."""
        return at_the_gate(self.pool)

    def writing_at_the_gate(self) -> AbstractAsyncContextManager[Connection]:
        """The same for what someone asked for who is not signed in."""
        return writing_at_the_gate(self.pool)
