"""Services of the routes, one instance of each per process."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from app.observability.health.snapshot import SystemSnapshot
from app.observability.metrics.lazy_exporter import Exposition
from app.process.draining import Draining
from app.verification.rate_limits import RateLimits
from app.verification.verification import Verification
from domain.plans.plan import Plans
from eventstore.commands import Commands
from gateway.gateway import Gateway
from gateway.openid.provider import Provider
from infrastructure.cursors import CursorSigner
from infrastructure.database.connections import Connection, Pool
from infrastructure.database.tenant import (
    auth_write_transaction,
    credential_lookup,
    read_transaction,
    write_transaction,
)
from infrastructure.encryption import Sealer
from infrastructure.geoip import CountryOf
from infrastructure.github_keys import GithubKeys
from infrastructure.settings import Settings


@dataclass(frozen=True, slots=True)
class Services:
    """`commands` for changes, `verification` for presented keys, `gateway` for calls to MCP servers.

    Routes read through `read_transaction`, in which PostgreSQL hides the rows of other organizations. `country_of`
    returns the country of an address. `github_keys`: None if the server accepts no reports of GitHub.
    """

    config: Settings
    draining: Draining
    pool: Pool
    commands: Commands
    verification: Verification
    gateway: Gateway
    sealer: Sealer
    cursors: CursorSigner
    plans: Plans
    openid: Provider | None
    snapshot: SystemSnapshot
    exposition: Exposition
    rate_limits: RateLimits
    country_of: CountryOf
    github_keys: GithubKeys | None

    def read_transaction(self, organization_id: str) -> AbstractAsyncContextManager[Connection]:
        """Return a read-only transaction that sees only this organization."""
        return read_transaction(self.pool, organization_id)

    def write_transaction(self, organization_id: str) -> AbstractAsyncContextManager[Connection]:
        """Return a transaction for rows outside the log. All other changes use `commands`."""
        return write_transaction(self.pool, organization_id)

    def credential_lookup(self) -> AbstractAsyncContextManager[Connection]:
        """Return a transaction that looks up a credential before its organization is known, and sees little else."""
        return credential_lookup(self.pool)

    def auth_write_transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Return the same kind of transaction for a caller who is not signed in and makes a change."""
        return auth_write_transaction(self.pool)
