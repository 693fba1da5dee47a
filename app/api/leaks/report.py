"""Acting on one report that a secret was found in public: the key is stopped, and an alert is raised.

Both happen in one transaction, under the lock of the organization. The id of the alert follows from the secret and the
address. A report that arrives twice, even concurrently, therefore raises one alert. If the key works again, it is
stopped again, unless a person has acknowledged the alert: automation that enables keys has not read it.

Secrets that had stopped before have one alert for all addresses, because everyone who has one could report any number.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from psycopg.rows import TupleRow

from app.http.messages import RawRequest
from app.services import Services
from domain.actor import GITHUB
from domain.alerts.commands import RaiseAlert
from domain.alerts.decider import ALERT
from domain.alerts.events import AlertEvent, AlertRaised
from domain.alerts.state import Acknowledged, AlertState
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.leaks.policy import policy_of
from domain.leaks.reaction import STOPPED_BEFORE, Reaction, Report, leak_alert, reaction_to
from domain.organizations.errors import OrganizationIsDeleted, OrganizationNotFound
from eventstore.errors import ConcurrentChange
from eventstore.execute import Change, LockAndQuery, RelatedCommand
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.read_models.alerts.list.queries import alert_of
from projections.read_models.keys.list.queries import used_secret
from projections.read_models.keys.state.queries import FoundKey, key_of
from projections.read_models.organizations.counts.queries import keys_guard
from projections.read_models.organizations.list.queries import organization_of

_log = structlog.get_logger(__name__)


class _Facts(NamedTuple):
    """The reaction to the report, and whether a person has acknowledged the alert about it."""

    reaction: Reaction
    is_acknowledged: bool


class _StoppedBefore(Exception):
    """The secret had stopped before the first report of this address."""


async def act_on(services: Services, inbound: RawRequest, found: FoundKey, *, url: str, place: str) -> None:
    """Stop the key as its organization wants, and raise the alert. A report that was handled before raises no other.

    A deleted organization gets no alert: none of its keys works. Raises `Unavailable` and `ConcurrentChange`.
    """
    key = found.state.key
    report = Report("github", key.id, key.organization_id, found.secret_version, url, place)
    try:
        try:
            await _act(services, inbound, report, report.alert_id(key.created_at))
        except _StoppedBefore:
            await _act(services, inbound, report, report.stopped_alert_id(key.created_at), is_stopped=True)
    except OrganizationIsDeleted:
        # An operator who restores the organization must know that the key was found: the restored key would work again.
        _log.warning("leaked_key_of_deleted_organization", organization_id=key.organization_id, key_id=key.id)


async def _act(
    services: Services, inbound: RawRequest, report: Report, alert_id: str, *, is_stopped: bool = False
) -> None:
    """Raise the alert with this id. Raise `_StoppedBefore` if it would be new and the secret `is_stopped`."""
    at = now()
    counts_guard = keys_guard(report.organization_id, services.plans)

    async def read(connection: Connection, row: TupleRow | None) -> _Facts:
        counts = counts_guard.facts(row)
        state = await key_of(connection, report.key_id, report.organization_id)
        organization = await organization_of(connection, report.organization_id)
        if state is None:
            raise KeyNotFound
        if organization is None:
            raise OrganizationNotFound
        used = await used_secret(connection, report.key_id, report.organization_id)
        policy, used_version = policy_of(organization.settings), 0 if used is None else used.version
        reaction = reaction_to(report, state, policy, counts, GITHUB, at, used_version)
        earlier = await alert_of(connection, alert_id, report.organization_id)
        if is_stopped and reaction.outcome not in STOPPED_BEFORE:
            raise ConcurrentChange
        if not is_stopped and earlier is None and reaction.outcome in STOPPED_BEFORE:
            raise _StoppedBefore
        return _Facts(reaction, isinstance(earlier, Acknowledged))

    def alert(facts: _Facts) -> RaiseAlert:
        return leak_alert(report, alert_id, facts.reaction.outcome, at)

    def changes_of_key(facts: _Facts) -> Sequence[RelatedCommand[Any, Any, Any]]:
        command = facts.reaction.command
        # A person who has acknowledged the alert may have enabled the key since, knowing of the leak.
        return () if command is None or facts.is_acknowledged else (RelatedCommand(KEY, report.key_id, command),)

    change = await services.commands.run(
        ALERT,
        alert_id,
        report.organization_id,
        alert,
        origin=Origin(GITHUB, inbound.ip, inbound.user_agent, inbound.request_id),
        at=at,
        guard=LockAndQuery(counts_guard.statement, read),
        related_commands=changes_of_key,
    )
    _log_change(report, change)


def _log_change(report: Report, change: Change[AlertState, AlertEvent]) -> None:
    for event in change.events:
        if isinstance(event, AlertRaised):
            outcome = event.numbers["outcome"]
            _log.warning("leaked_key", organization_id=report.organization_id, key_id=report.key_id, outcome=outcome)
    if not change.events and any(related.events for related in change.related):
        _log.warning("leaked_key_stopped_again", organization_id=report.organization_id, key_id=report.key_id)
