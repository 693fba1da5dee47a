"""Refusals that a form explains next to the values that the user entered, instead of on an error page."""

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from app.api.audit.list import list_audit_events
from app.api.audit.schemas import AuditEvent
from app.http.errors import to_problem
from app.pages.visit import Visit
from app.pages.wording.actors import actor_at_start

_STATUSES = frozenset({403, 409, 412, 422})
"""A form explains what the user can correct in it, or what stands against the change."""


class StaleChange(NamedTuple):
    """The change that another actor made after the form was opened. `name` is theirs, if it is known."""

    event: AuditEvent
    name: str


class Refusal(NamedTuple):
    """Why a form was refused. `notice` is about no single field. `stale` is the change that came first."""

    errors: dict[str, str]
    notice: str
    status: int
    stale: StaleChange | None = None


ACCEPTED = Refusal({}, "", 200)
"""A form that was not submitted yet."""


async def refusal_of(
    visit: Visit,
    error: Exception,
    fields: Collection[str],
    resource_id: str = "",
    renamed: Mapping[str, str] | None = None,
) -> Refusal:
    """Return the messages for the `fields` of a form. Raise `error` again if the form cannot explain it.

    `renamed` maps names of the request to fields of the form. `resource_id` is what the form would have changed.
    """
    problem = to_problem(error)
    if problem.status not in _STATUSES:
        raise error
    if problem.code == "revision_mismatch":
        return Refusal({}, "", 412, await _latest_change(visit, resource_id))
    errors: dict[str, str] = {}
    others: list[str] = []
    for given, message in problem.details.items():
        name = (renamed or {}).get(given, given)
        name = name if name in fields else name.partition("[")[0].partition(".")[0]
        if name in fields:
            errors.setdefault(name, f"{message}.".replace("..", "."))
        elif problem.code == "validation_error":
            others.append(f"{given}: {message}.")
    notice = "" if errors and not others else " ".join([problem.detail, *others])
    return Refusal(errors, notice, problem.status)


async def _latest_change(visit: Visit, resource_id: str) -> StaleChange | None:
    """Return the latest change of what the form is about, if the visitor may read the audit log."""
    if not visit.can("audit:read") or not resource_id:
        return None
    query: dict[str, Any] = {"resource": resource_id, "per_page": 1}
    events = (await visit.read_list(list_audit_events, AuditEvent, query)).data
    return StaleChange(events[0], actor_at_start(events[0].actor)) if events else None
