"""Invariant I4: every inline read model equals what a fold of the log gives."""

from collections import Counter
from collections.abc import Iterable
from typing import NamedTuple

from domain.alerts.decider import ALERT
from domain.keys.decider import KEY
from domain.keys.state import Active, Disabled, Expired, Revoked
from domain.mcps.decider import MCP
from domain.mcps.state import Active as ActiveMcp
from domain.mcps.state import Inactive as InactiveMcp
from domain.organizations.decider import ORGANIZATION
from domain.organizations.state import Organization
from eventstore.check import InlineCheck, Streams
from eventstore.codec import encode
from infrastructure.database.connections import Connection
from infrastructure.database.statements import load
from projections.engine.differences import differences
from projections.engine.people_check import people_checks
from projections.read_models.alerts.list.queries import alert_put
from projections.read_models.keys.list.apply import cells as key_list_cells
from projections.read_models.keys.list.apply import put as key_list_put
from projections.read_models.keys.list.apply import terms as key_list_terms
from projections.read_models.mcps.list.apply import put as mcp_list_put
from projections.read_models.organizations.counts.apply import counts


class _Queries(NamedTuple):
    key_state_all: bytes
    key_secrets_all: bytes
    key_list_all: bytes
    key_terms_all: bytes
    key_counts_all: bytes
    key_recency_all: bytes
    mcp_list_all: bytes
    mcp_health_all: bytes
    guards_all: bytes
    alert_list_all: bytes
    expiry_watch_all: bytes


_SQL = load(_Queries, __file__, "inline_check.sql")


def inline_checks() -> tuple[InlineCheck, ...]:
    return (
        _key_state,
        _key_secrets,
        _key_list,
        _key_terms,
        _key_counts,
        _key_recency,
        _mcp_list,
        _mcp_health,
        _guards,
        _alert_list,
        _expiry_watch,
        *people_checks(),
    )


async def _key_state(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.key_state_all)
    stored: dict[str, object] = {row[0]: (row[1], row[2], bytes(row[3])) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        key_id: (stream.organization_id, stream.version, encode(stream.state))
        for key_id, stream in streams.items()
        if stream.kind == KEY.kind
    }
    return differences("key_state", stored, folded)


async def _key_secrets(connection: Connection, streams: Streams) -> Iterable[str]:
    """Each secret that a state knows is found by its digest, and leads to that key."""
    cursor = await connection.execute(_SQL.key_secrets_all)
    stored = {row[0]: (row[1], row[2]) for row in await cursor.fetchall()}
    # A state forgets the oldest of the retired ones; versions count them all.
    counted = Counter(key_id for key_id, _ in stored.values())
    problems: list[str] = []
    for key_id, stream in streams.items():
        if isinstance(stream.state, Active | Disabled | Expired | Revoked):
            problems += [
                f"key_secrets: version {secret.version} of {key_id} is missing or leads elsewhere"
                for secret in stream.state.key.secrets
                if stored.get(secret.digest) != (key_id, secret.version)
            ]
            found, given = counted[key_id], stream.state.key.current_secret.version
            if found != given:
                problems.append(f"key_secrets: {found} lead to {key_id}, and the log gave it {given}")
    problems += [
        f"key_secrets: one leads to {key_id}, which has no event"
        for key_id, _ in stored.values()
        if key_id not in streams
    ]
    return problems


async def _key_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.key_list_all)
    stored: dict[str, object] = {row[0]: tuple(row) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        key_id: tuple(key_list_put(stream.state).parameters)
        for key_id, stream in streams.items()
        if isinstance(stream.state, Active | Disabled | Expired | Revoked)
    }
    return differences("key_list", stored, folded)


async def _key_terms(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.key_terms_all)
    found: dict[str, set[tuple[str, str]]] = {}
    for key_id, organization_id, term in await cursor.fetchall():
        found.setdefault(key_id, set()).add((organization_id, term))
    folded: dict[str, object] = {
        key_id: {(stream.organization_id, term) for term in key_list_terms(stream.state)}
        for key_id, stream in streams.items()
        if isinstance(stream.state, Active | Disabled | Expired | Revoked)
    }
    return differences("key_terms", dict(found), folded)


async def _key_counts(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.key_counts_all)
    stored: dict[str, object] = {" ".join(row[:-1]): row[-1] for row in await cursor.fetchall()}
    counted: Counter[str] = Counter()
    for stream in streams.values():
        if isinstance(stream.state, Active | Disabled | Expired | Revoked):
            counted.update(" ".join((stream.organization_id, *cell)) for cell in key_list_cells(stream.state))
    return differences("key_counts", stored, dict(counted))


async def _key_recency(connection: Connection, streams: Streams) -> Iterable[str]:
    """Every key has its place in the order of the last use; where it is follows from the usage log."""
    cursor = await connection.execute(_SQL.key_recency_all)
    stored: dict[str, object] = {row[0]: tuple(row[1:]) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        key_id: (
            stream.organization_id,
            stream.state.key.environment,
            stream.state.__struct_config__.tag,
            stream.state.key.created_at,
        )
        for key_id, stream in streams.items()
        if isinstance(stream.state, Active | Disabled | Expired | Revoked)
    }
    return differences("key_recency", stored, folded)


async def _mcp_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.mcp_list_all)
    stored: dict[str, object] = {row[0]: tuple(row) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        mcp_id: tuple(mcp_list_put(stream.state).parameters)
        for mcp_id, stream in streams.items()
        if stream.kind == MCP.kind and stream.state is not None
    }
    return differences("mcp_list", stored, folded)


async def _mcp_health(connection: Connection, streams: Streams) -> Iterable[str]:
    """Every active MCP will be asked, no other one will, and those are unhealthy that the log calls so."""
    cursor = await connection.execute(_SQL.mcp_health_all)
    stored: dict[str, object] = {row[0]: tuple(row[1:]) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        mcp_id: (
            stream.organization_id,
            stream.state.mcp.endpoint_changed_at,
            isinstance(stream.state, ActiveMcp),
            stream.state.mcp.unhealthy,
        )
        for mcp_id, stream in streams.items()
        if isinstance(stream.state, ActiveMcp | InactiveMcp)
    }
    return differences("mcp_health", stored, folded)


async def _guards(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.guards_all)
    stored: dict[str, object] = {row[0]: tuple(row[1:]) for row in await cursor.fetchall()}
    plans: dict[str, str] = {}
    totals: dict[str, Counter[str]] = {}
    for stream in streams.values():
        if stream.kind == ORGANIZATION.kind and isinstance(stream.state, Organization):
            plans[stream.organization_id] = stream.state.plan
        totals.setdefault(stream.organization_id, Counter()).update(counts(stream.state)._asdict())
    folded: dict[str, object] = {
        organization_id: (
            plan,
            *(totals[organization_id][name] for name in ("keys_active", "keys_disabled", "mcps", "members")),
        )
        for organization_id, plan in plans.items()
    }
    return differences("organization_guard", stored, folded)


async def _alert_list(connection: Connection, streams: Streams) -> Iterable[str]:
    cursor = await connection.execute(_SQL.alert_list_all)
    stored: dict[str, object] = {row[0]: tuple(row) for row in await cursor.fetchall()}
    folded: dict[str, object] = {
        alert_id: tuple(alert_put(stream.state).parameters)
        for alert_id, stream in streams.items()
        if stream.kind == ALERT.kind
    }
    return differences("alert_list", stored, folded)


async def _expiry_watch(connection: Connection, streams: Streams) -> Iterable[str]:
    """Whoever is watched ends, and at that instant. Whom nobody has to be told of any more is not there."""
    cursor = await connection.execute(_SQL.expiry_watch_all)
    ends = {key_id: stream.state.key.expires_at for key_id, stream in streams.items() if _goes_on(stream.state)}
    return [
        f"expiry_watch {key_id}: differs from the log"
        for key_id, expires_at in await cursor.fetchall()
        if ends.get(key_id) != expires_at
    ]


def _goes_on(state: object) -> bool:
    return isinstance(state, Active | Disabled)
