"""Acting on one report that a secret was found in public: the key is stopped, and an alert is raised.

Both happen in one transaction, under the lock of the organization. The id of the alert follows from the secret and the
address. A report that arrives twice, even concurrently, therefore acts once: the second one finds the alert and changes
nothing.
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
from domain.alerts.events import AlertRaised
from domain.keys.decider import KEY
from domain.keys.errors import KeyNotFound
from domain.keys.state import Existing
from domain.leaks.policy import policy_of
from domain.leaks.reaction import Reaction, Report, leak_alert, reaction_to
from domain.organizations.errors import OrganizationIsDeleted, OrganizationNotFound
from eventstore.execute import LockAndQuery, RelatedCommand
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.read_models.alerts.list.queries import alert_of
from projections.read_models.keys.state.queries import FoundKey, key_of
from projections.read_models.organizations.counts.queries import keys_guard
from projections.read_models.organizations.list.queries import organization_of

_log = structlog.get_logger(__name__)


class _Facts(NamedTuple):
    """The key, what is done to it, and whether this report was handled before."""

    state: Existing
    reaction: Reaction
    is_repeated: bool


async def act_on(services: Services, inbound: RawRequest, found: FoundKey, *, url: str, place: str) -> None:
    """Stop the key as its organization wants, and raise the alert. A report that was handled before changes nothing.

    A deleted organization gets no alert: none of its keys works. Raises `Unavailable` and `ConcurrentChange`.
    """
    key, at = found.state.key, now()
    report = Report("github", key.id, key.organization_id, found.secret_version, url, place)
    alert_id = report.alert_id(key.created_at)
    counts_guard = keys_guard(report.organization_id, services.plans)

    async def read(connection: Connection, row: TupleRow | None) -> _Facts:
        counts = counts_guard.facts(row)
        state = await key_of(connection, report.key_id, report.organization_id)
        organization = await organization_of(connection, report.organization_id)
        if state is None:
            raise KeyNotFound
        if organization is None:
            raise OrganizationNotFound
        reaction = reaction_to(report, state, policy_of(organization.settings), counts, GITHUB, at)
        earlier = await alert_of(connection, alert_id, report.organization_id)
        return _Facts(state, reaction, earlier is not None)

    def alert(facts: _Facts) -> RaiseAlert:
        return leak_alert(report, facts.state, facts.reaction.outcome, at)

    def changes_of_key(facts: _Facts) -> Sequence[RelatedCommand[Any, Any, Any]]:
        command = facts.reaction.command
        # A person may have enabled the key since, knowing of the leak. The same report does not disable it again.
        return () if command is None or facts.is_repeated else (RelatedCommand(KEY, report.key_id, command),)

    try:
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
    except OrganizationIsDeleted:
        # An operator who restores the organization must know that the key was found: the restored key would work again.
        _log.warning("leaked_key_of_deleted_organization", organization_id=key.organization_id, key_id=key.id)
        return
    for event in change.events:
        if isinstance(event, AlertRaised):
            outcome = event.numbers["outcome"]
            _log.warning("leaked_key", organization_id=key.organization_id, key_id=key.id, outcome=outcome)
