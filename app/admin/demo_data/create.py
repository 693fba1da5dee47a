"""A month of history for a demo organization: people, servers, hundreds of keys, their uses, and an incident.

The same arguments give the same history: ids, names, instants and counts. Everything is written through the functions
that the service uses, with the instants of the history as arguments: changes through the deciders, uses through the
batches of the usage log. Only the ids of lifecycle events and webhook messages are random, and the secrets, unless the
caller passes a source of bytes.
"""

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, NamedTuple

import msgspec

from app.admin.demo import is_demo_organization
from app.admin.demo_data import northwind
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.history import History, Step
from app.admin.demo_data.incident import LEAK_USES, Incident, failing_server, leak, revoked_at, travel
from app.admin.demo_data.keys import GATEWAY_NAME, Ids, PlannedKey, plan_keys
from app.admin.demo_data.uses import Decisions, Moment, Presentation, draw, old_uses
from app.admin.demo_data.webhooks import PlannedWebhook, deliver, plan_webhooks
from domain.keys.decider import KEY
from domain.keys.state import Existing
from domain.refusal import Conflict
from eventstore.execute import Change
from eventstore.lanes import lane_of
from eventstore.queries import SQL
from eventstore.usage_batch import Batch, append_once
from gateway.catalogue import StoredTool
from gateway.endpoint import check_endpoint_url
from gateway.webhook_target import SECRET_BYTES, new_secret, store_secret
from infrastructure.clock import now
from infrastructure.database.connections import (
    MAINTENANCE_TIMEOUTS,
    WORKER_ROLE,
    Connection,
    Pool,
    open_pipeline,
    pool,
)
from infrastructure.database.statements import Statement
from infrastructure.encryption import Sealer
from infrastructure.settings import Settings
from projections.commands import commands_on
from projections.engine.runner import run_projection
from projections.read_models.mcps.health.queries import health_answered, health_failed
from projections.read_models.organizations.list.queries import id_of_slug
from projections.registry import ASYNC_PROJECTIONS

USES = 40_000
SLUG = "northwind"

_STEP_SECONDS = 5.0

Progress = Callable[[int, int], None]


class DemoData(NamedTuple):
    """Figures of the created organization."""

    organization_id: str
    slug: str
    owner_email: str
    members: int
    mcps: int
    keys: int
    uses: int
    alerts: int


async def create_demo_data(
    config: Settings,
    *,
    seed: int = 1,
    ends_at: datetime | None = None,
    slug: str = SLUG,
    mcp_url: str | None = None,
    uses: int = USES,
    secrets: Callable[[int], bytes] = os.urandom,
    progress: Progress = lambda _done, _of: None,
) -> DemoData | None:
    """Create the organization and return its figures, or None if it exists already.

    `ends_at`: the end of the history, by default the last full hour. `mcp_url`: an MCP server that stands for all
    servers of the organization but the unhealthy one; None: addresses that do not exist. `secrets` returns random
    bytes for secrets. Raise a `Refusal` if an operator created an organization with this slug. No worker may run:
    it would record expiries of the history as if they happened now.
    """
    until = ends_at or now().replace(minute=0, second=0, microsecond=0)
    async with pool(config.database_url, role=WORKER_ROLE, size_max=2, timeouts=MAINTENANCE_TIMEOUTS) as connections:
        if await _exists(connections, slug):
            return None
        creation = _Creation(config, connections, Dice(seed, slug, "plan"), until, slug, mcp_url, secrets)
        return await creation.run(Dice(seed, slug, "uses"), uses, progress)


async def _exists(connections: Pool, slug: str) -> bool:
    async with connections.connection() as connection:
        organization_id = await id_of_slug(connection, slug)
        if organization_id is None:
            return False
        if await is_demo_organization(connection, organization_id):
            return True
    raise Conflict(f"The organization {slug} is not a demo. Choose another --slug.")


class _Creation:
    """One run, which creates everything in the order of its time."""

    def __init__(
        self,
        config: Settings,
        connections: Pool,
        dice: Dice,
        ends_at: datetime,
        slug: str,
        mcp_url: str | None,
        secrets: Callable[[int], bytes],
    ) -> None:
        self._config = config
        self._pool = connections
        self._dice = dice
        self._ends_at = ends_at
        self._slug = slug
        self._organization_id = dice.id_of("org", ends_at - timedelta(days=northwind.OWNER.joined))
        self._ids = _ids(dice, ends_at)
        self._keys = plan_keys(dice, secrets, self._ids, ends_at)
        self._webhooks = plan_webhooks(dice, slug, ends_at)
        self._history = History(
            dice, self._organization_id, slug, self._ids, config.plans, self._endpoints(mcp_url), ends_at
        )
        self._secrets = secrets
        self._states: dict[str, list[tuple[datetime, Existing]]] = {}

    async def run(self, dice: Dice, uses: int, progress: Progress) -> DemoData:
        presentations, settled, unsettled = self._plan_uses(dice, uses)
        steps = self._plan_changes(settled, unsettled)
        of = len(steps) + len(presentations)
        progress(0, of)
        for done, step in enumerate(steps, start=1):
            await self._change(step)
            progress(done, of)
        gateway = next(key for key in self._keys if key.name == GATEWAY_NAME)
        decisions = Decisions(dice, self._organization_id, self._ids, gateway, self._states, self._ends_at)
        await self._write_uses(
            decisions.moments(presentations),
            lambda written: progress(len(steps) + min(written, len(presentations)), of),
        )
        async with self._pool.connection() as connection:
            await self._note_health(connection)
            lane = lane_of(self._organization_id)
            await deliver(connection, self._organization_id, lane, self._webhooks, self._ends_at)
            await _bring_up_to_date(connection)
        progress(of, of)
        return DemoData(
            organization_id=self._organization_id,
            slug=self._slug,
            owner_email=f"{northwind.OWNER.address}@{self._slug}.example",
            members=len([person for person in northwind.PEOPLE if person.left is None]),
            mcps=len(northwind.SERVERS),
            keys=len(self._keys),
            uses=len(presentations),
            alerts=len({step.stream_id for step in steps if step.decider.kind == "alert"}),
        )

    def _endpoints(self, mcp_url: str | None) -> dict[str, tuple[str, str | None]]:
        """Return the URL of each server and what is wrong with it."""
        urls = {
            server.path: f"{mcp_url}?server={server.path}"
            if mcp_url and server is not northwind.BROWSER
            else f"https://{server.path}.{self._slug}.example/mcp"
            for server in northwind.SERVERS
        }
        return {path: (url, check_endpoint_url(url, self._config.egress)) for path, url in urls.items()}

    def _plan_uses(self, dice: Dice, uses: int) -> tuple[list[Presentation], list[Incident], list[Incident]]:
        """Return all uses, the incidents whose alerts were acknowledged, and those whose alerts are open."""
        leaked = next(key for key in self._keys if key.fate == "leaked")
        leaked.ends_at = revoked_at(self._ends_at)
        old = old_uses(dice, self._keys, self._ends_at)
        settled = [travel(dice, next(filter(_can_travel, self._keys)), self._ends_at)]
        unsettled = [failing_server(dice, next(filter(_uses_browser, self._keys)), self._ends_at)]
        told = [*old, *(use for incident in [*settled, *unsettled] for use in incident.uses)]
        drawn = draw(dice, self._keys, uses - len(told) - LEAK_USES, self._ends_at)
        settled.append(leak(dice, leaked, drawn, self._ends_at))
        return [*told, *drawn, *settled[-1].uses], settled, unsettled

    def _plan_changes(self, settled: Sequence[Incident], unsettled: Sequence[Incident]) -> list[Step]:
        history = self._history
        history.add_organization()
        history.add_servers()
        history.add_keys(self._keys)
        history.add_webhooks(self._webhooks, self._store_secret)
        history.add_alerts(settled, unsettled)
        return history.in_order

    def _store_secret(self, webhook: PlannedWebhook) -> Statement:
        sealer = Sealer(self._config.master_keys)
        secret = new_secret(self._secrets(SECRET_BYTES)) if webhook.kind == "standard" else webhook.url
        return store_secret(sealer, secret, 1, webhook.webhook_id, self._organization_id)

    async def _change(self, step: Step) -> None:
        change = await commands_on(self._pool).run(
            step.decider,
            step.stream_id,
            self._organization_id,
            step.command,
            origin=step.origin,
            at=step.at,
            guard=step.guard,
            extra_statements=step.extra_statements,
            related_commands=step.related_commands,
        )
        for each in (change, *change.related):
            self._remember(each)

    def _remember(self, change: Change[Any, Any]) -> None:
        if change.kind == KEY.kind and change.events:
            self._states.setdefault(change.stream_id, []).append((change.at, change.after))

    async def _write_uses(self, moments: Sequence[Moment], progress: Callable[[int], None]) -> None:
        """Append all batches, with one transaction for each day: a commit for each batch would take minutes."""
        producer = f"demo-data {self._organization_id}"
        written = sequence = 0
        async with await open_pipeline(self._config.database_url, timeouts=MAINTENANCE_TIMEOUTS) as pipeline:
            for day, of_day in groupby(moments, key=lambda moment: moment.at.date()):
                await pipeline.execute(SQL.usage_partition_ensure, day.isoformat().encode())
                await pipeline.execute(SQL.begin)
                for moment in of_day:
                    sequence += 1
                    await append_once(pipeline, Batch(producer, sequence, moment.at, moment.events))
                    written += len(moment.events)
                await pipeline.execute(SQL.commit)
                progress(written)

    async def _note_health(self, connection: Connection) -> None:
        """Record the results of the last health checks. No event contains them."""
        for number, server in enumerate(northwind.SERVERS):
            mcp_id, moved_at = self._ids.servers[server.path], self._history.registered_at(server)
            checked_at = self._ends_at - timedelta(seconds=40 + 17 * number)
            if server is northwind.BROWSER:
                statement = health_failed(mcp_id, moved_at, checked_at, self._ends_at)
            else:
                statement = health_answered(mcp_id, moved_at, checked_at, _tools(server))
            await connection.execute(*statement)


def _ids(dice: Dice, ends_at: datetime) -> Ids:
    def at(days: float) -> datetime:
        return ends_at - timedelta(days=days)

    return Ids(
        {person.address: dice.id_of("user", at(person.joined)) for person in northwind.PEOPLE},
        {server.path: dice.id_of("mcp", at(146 - 2.3 * number)) for number, server in enumerate(northwind.SERVERS)},
    )


def _can_travel(key: PlannedKey) -> bool:
    unrestricted = not (key.allowed_ips or key.permissions.tools or key.rate_limit)
    return key.fate == "used" and key.is_person and unrestricted and key.stops_at is None


def _uses_browser(key: PlannedKey) -> bool:
    unrestricted = not (key.allowed_ips or key.permissions.tools or key.rate_limit)
    return key.fate == "used" and northwind.BROWSER in key.servers and unrestricted and key.stops_at is None


def _tools(server: northwind.Server) -> bytes:
    any_arguments = msgspec.Raw(b'{"type":"object"}')
    return msgspec.json.encode(
        [StoredTool(name, f"{name.replace('_', ' ').capitalize()}.", any_arguments) for name in server.tools]
    )


async def _bring_up_to_date(connection: Connection) -> None:
    """Apply the logs to the read models, as a worker does. Its side effects ignore events that are not new."""
    for projection in ASYNC_PROJECTIONS:
        while (await run_projection(connection, projection, _STEP_SECONDS)).unfinished:
            pass
