"""Job, every minute: erase the secrets and addresses of organizations whose deletion can no longer be undone.

One transaction erases everything of an organization and records the event. Therefore a worker that dies at any line
has erased either all of it or nothing, and an operator who restores the organization at the same moment either is first
or is refused. The log stays: it contains no address and no credential.

An organization that cannot be erased does not stop the others. The run then fails, so that the operator sees it.
"""

from collections.abc import Sequence
from time import monotonic

import structlog

from domain.actor import ORGANIZATION_ERASURE
from domain.organizations.commands import EraseOrganization
from domain.organizations.decider import ORGANIZATION
from domain.organizations.events import OrganizationEvent
from domain.organizations.state import OrganizationState
from eventstore.errors import ConcurrentChange
from eventstore.execute import Change
from eventstore.recorded import Origin
from infrastructure.clock import now
from infrastructure.database.connections import Pool
from infrastructure.database.errors import UNAVAILABLE, Unavailable
from infrastructure.database.statements import Statement
from projections.commands import commands_on
from projections.outboxes.mail.outbox import SQL as MAIL
from projections.read_models.invitations.list.queries import SQL as INVITATIONS
from projections.read_models.mcps.list.queries import SQL as MCPS
from projections.read_models.members.list.queries import SQL as MEMBERS
from projections.read_models.organizations.counts.queries import deletion_guard
from projections.read_models.organizations.list.queries import to_erase
from projections.read_models.webhooks.list.queries import SQL as WEBHOOKS
from workers.job import Job
from workers.job_runner import WORK_SECONDS, run_job

PAGE = 10

_ERASURES = (
    MCPS.credentials_erase,
    MEMBERS.users_erase,
    INVITATIONS.addresses_erase,
    WEBHOOKS.secrets_erase,
    MAIL.mails_erase,
)
"""Everything secret or personal that is stored outside the log, in the lock order of `projections/registry.py`."""

_log = structlog.get_logger(__name__)


def erase_organizations() -> None:
    run_job(erase)


JOB = Job(erase_organizations, every=60)


async def erase(pool: Pool) -> None:
    deadline = monotonic() + WORK_SECONDS
    tried: set[str] = set()
    problems: list[Exception] = []
    while monotonic() < deadline:
        async with pool.connection() as connection:
            due = await to_erase(connection, now(), PAGE + len(tried))
        page = [organization_id for organization_id in due if organization_id not in tried]
        if not page:
            break
        for organization_id in page:
            try:
                await _erase(pool, organization_id)
            except ConcurrentChange:
                pass  # Another worker or an operator was first. The next run looks again.
            except Exception as error:  # noqa: BLE001 -- logged, and raised after the others
                _log.error("organization_erasure_failed", organization_id=organization_id, exc_info=error)
                problems.append(error)
        tried.update(page)
    _raise(problems)


def _raise(problems: Sequence[Exception]) -> None:
    """Raise what kept organizations from being erased. If it was only the database, the run counts as interrupted."""
    if problems and all(isinstance(problem, (Unavailable, *UNAVAILABLE)) for problem in problems):
        raise problems[0]
    if problems:
        raise ExceptionGroup(f"Organizations that could not be erased: {len(problems)}", problems)


async def _erase(pool: Pool, organization_id: str) -> None:
    at = now()

    def erasures(change: Change[OrganizationState, OrganizationEvent]) -> list[Statement]:
        return [Statement(query, (organization_id,)) for query in _ERASURES] if change.events else []

    change = await commands_on(pool).run(
        ORGANIZATION,
        organization_id,
        organization_id,
        EraseOrganization(at=at),
        origin=Origin(ORGANIZATION_ERASURE),
        at=at,
        guard=deletion_guard(organization_id),
        extra_statements=erasures,
    )
    if change.events:
        _log.info("organization_erased", organization_id=organization_id)
