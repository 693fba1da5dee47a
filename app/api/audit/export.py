"""GET /v1/audit/export: export the organization's changes as a file, oldest first, in log order.

The export contains everything in the log when the request started, and nothing that is written later. It reads one page
at a time, each in a separate transaction, so a slow client occupies neither memory nor a database snapshot. Each page
requires that the caller is still authorized.

The last line marks the end of the file and contains the number of events. A file without this line is incomplete: the
connection broke, or the service failed.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Annotated, Literal

import msgspec
from litestar.response import Stream
from msgspec import UNSET, Meta, Struct, field

from app.api.audit.schemas import AuditEvent, names_in, to_audit_event
from app.api.schemas import Since, Until
from app.auth.authorization import authorize
from app.handlers import HttpRequest, get_services
from app.http.csv_rows import EXCEL_MARK, csv_rows, escape_formula
from app.route import Route
from app.services import Services
from projections.log_queries.audit.queries import Stretch, oldest, stretch

PAGE = 1_000

COLUMNS = (
    "position",
    "id",
    "timestamp",
    "event",
    "actor_type",
    "actor_id",
    "actor_email",
    "resource_type",
    "resource_id",
    "ip",
    "user_agent",
    "data",
    "hash",
    "previous_hash",
)

Format = Literal["jsonl", "csv", "excel"]


class Query(Struct, frozen=True, forbid_unknown_fields=True):
    format: Annotated[
        Format,
        Meta(
            description="One JSON object per line, or comma-separated values (RFC 4180). `excel` is CSV with a byte "
            "order mark, without which Excel does not read it as UTF-8."
        ),
    ] = "jsonl"
    since: Since | None = field(default=None, name="from")
    until: Until | None = field(default=None, name="to")


@Route(
    "GET",
    "/v1/audit/export",
    access="audit:read",
    tag="Audit log",
    summary="Export the audit log",
    description='Every change, oldest first, one per line. The last line is `{"end":true,"events":…}` (in CSV '
    "`end,…`) with the number of events before it. A file without this line is incomplete.",
    media_type="application/jsonl",
    other_media_types=("text/csv; charset=utf-8",),
    headers={"Content-Disposition": "The name of the file."},
)
async def export_audit_log(request: HttpRequest, query: Query) -> Stream:
    services = get_services(request)
    organization_id = request.auth.organization_id
    async with services.read_transaction(organization_id) as connection:
        selection = await stretch(connection, organization_id, query.since, query.until)
    pages = _pages(services, selection, lambda: authorize(request, request.route_handler))
    # Read the first page before the response starts: an early failure is then an error response, not a truncated file.
    first = await anext(pages)
    suffix = "jsonl" if query.format == "jsonl" else "csv"
    return Stream(
        stream_export(query.format, first, pages),
        media_type={"jsonl": "application/jsonl", "csv": "text/csv"}[suffix],
        headers={"Content-Disposition": f'attachment; filename="audit-log.{suffix}"'},
    )


async def _pages(
    services: Services, selection: Stretch, still_allowed: Callable[[], Awaitable[None]]
) -> AsyncIterator[list[AuditEvent]]:
    """Yield pages of events. The last page is not full and may be empty."""
    above = 0
    while True:
        if above:
            await still_allowed()
        async with services.read_transaction(selection.organization_id) as connection:
            entries = await oldest(connection, selection, above=above, limit=PAGE)
            names = await names_in(connection, entries)
        yield [to_audit_event(entry, names) for entry in entries]
        if len(entries) < PAGE:
            return
        above = entries[-1].position


async def stream_export(
    form: Format, first: list[AuditEvent], rest: AsyncIterator[list[AuditEvent]]
) -> AsyncIterator[bytes]:
    lines: Callable[[Sequence[AuditEvent]], bytes] = _json_lines if form == "jsonl" else _csv_lines
    if form != "jsonl":
        yield (EXCEL_MARK if form == "excel" else b"") + csv_rows([COLUMNS])
    exported = len(first)
    yield lines(first)
    async for page in rest:
        exported += len(page)
        yield lines(page)
    yield (
        msgspec.json.encode({"end": True, "events": exported}) + b"\n"
        if form == "jsonl"
        else csv_rows([("end", exported)])
    )


def _json_lines(events: Sequence[AuditEvent]) -> bytes:
    return b"".join([msgspec.json.encode(event) + b"\n" for event in events])


def _csv_lines(events: Sequence[AuditEvent]) -> bytes:
    return csv_rows([_row(event) for event in events])


def _row(event: AuditEvent) -> list[object]:
    actor, resource = event.actor, event.resource
    texts = (
        event.id,
        event.timestamp.isoformat().replace("+00:00", "Z"),
        event.event,
        actor.type,
        actor.id,
        None if actor.email is UNSET else actor.email,
        resource.type,
        resource.id,
        event.ip,
        event.user_agent,
        msgspec.json.encode(event.data).decode(),
        event.hash,
        event.previous_hash,
    )
    return [event.position, *[escape_formula(text or "") for text in texts]]
