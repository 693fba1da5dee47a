"""GET /v1/activity/{id}: return one use of a key, and explain its decision."""

import re
from datetime import datetime
from itertools import product

from app.api.activity.decision import USE_EXAMPLE, Decision, Use, to_use
from app.api.activity.key_use import names_of_uses
from app.api.schemas import id_pattern
from app.auth.callers import Caller
from app.handlers import HttpRequest, Success, get_services, success
from app.http.errors import Problem
from app.route import Route
from domain.keys.state import Existing
from domain.organization_status import OrganizationStatus
from domain.usage.decision import McpFacts
from domain.usage.events import KeyUsed
from domain.usage.explanation import explain, question_of
from infrastructure.clock import now
from infrastructure.database.connections import Connection
from projections.log_queries.activity.entries import Entry
from projections.log_queries.activity.single import (
    deciding_state,
    entry_of,
    mcps_at,
    organization_statuses,
    used_versions_at,
)
from projections.read_models.keys.state.queries import key_of

_EVENT_ID = re.compile(id_pattern("evt"))


@Route(
    "GET",
    "/v1/activity/{event_id}",
    access="audit:read",
    tag="Activity",
    summary="Get a use and explain its decision",
    description="`event_id` is the one that a verification returned, the id of a use in a list of activity, or that of "
    "the end of a call. The explanation names every rule in the order of evaluation, the revision of the key that "
    "decided, and the decision on the same question now.",
    example=USE_EXAMPLE,
)
async def get_use(request: HttpRequest, event_id: str) -> Success[Use]:
    if _EVENT_ID.fullmatch(event_id) is None:
        raise Problem("not_found")
    services = get_services(request)
    caller = request.auth
    async with services.read_transaction(caller.organization_id) as connection:
        entry = await entry_of(connection, event_id, caller.organization_id)
        if entry is None or not isinstance(entry.happened, KeyUsed):
            raise Problem("not_found")
        used = entry.happened
        current = None if used.key_id is None else await key_of(connection, used.key_id, caller.organization_id)
        require_visible_use(caller, current)
        decision = await _decision(connection, entry, used, current)
        actors = [] if decision.deciding is None else [decision.deciding.record.origin.actor]
        names = await names_of_uses(connection, [entry], created_by=caller.visible_keys.created_by, actors=actors)
    return success(to_use(decision, names, services.country_of))


def require_visible_use(caller: Caller, state: Existing | None) -> None:
    """Raise 404 for a use of a key that the caller cannot see. A secret of no key is visible with every key."""
    visible = caller.visible_keys
    if not (visible.created_by is None if state is None else visible.includes(state.key)):
        raise Problem("not_found")


async def _decision(connection: Connection, entry: Entry, used: KeyUsed, current: Existing | None) -> Decision:
    deciding = await deciding_state(connection, used)
    if deciding is None:
        return Decision(entry, used, explain(used, None), None, None, None)
    state, organization_id = deciding.state, deciding.state.key.organization_id
    facts = await _facts_at(connection, used, current, organization_id, used.occurred_at)
    questions = [question_of(used, state, mcp, used.occurred_at, version, status) for mcp, version, status in facts]
    question = next((question for question in questions if explain(used, question).agrees), questions[0])
    asked_now = None
    if current is not None and used.action != "manage":
        at = now()
        mcp, version, status = (await _facts_at(connection, used, current, organization_id, at))[0]
        asked_now = question_of(used, current, mcp, at, version, status)
    return Decision(entry, used, explain(used, question), question, deciding, asked_now)


async def _facts_at(
    connection: Connection, used: KeyUsed, current: Existing | None, organization_id: str, at: datetime
) -> list[tuple[McpFacts | None, int, OrganizationStatus]]:
    """Return the facts that can have decided `used` at an instant, the last ones first."""
    mcps = await mcps_at(connection, used.mcp_id, organization_id, at)
    versions = await used_versions_at(connection, used, current, at)
    statuses = await organization_statuses(connection, organization_id, at)
    return list(product(mcps, versions, statuses))
