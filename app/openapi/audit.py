"""OpenAPI operations on the audit log."""

from app.api.audit import export
from app.api.audit import list as events
from app.api.audit.get import audit_event
from app.api.audit.schemas import EVENT_TYPES
from app.openapi import examples
from app.openapi.operation import Answer, Operation, routed
from app.openapi.shapes import audit

_TAG = "Audit log"

OPERATIONS: list[Operation] = [
    routed(
        events.audit_events,
        tag=_TAG,
        summary="List changes",
        description=(
            "Every change in the organization, newest first. Uses of keys are not included; they are in the "
            "activity of their key."
        ),
        query=events.Query,
        query_fields={
            "type": {"description": "One event type.", "enum": list(EVENT_TYPES)},
            "actor": {
                "description": "The id of the user or key that made the change, or the name of a component of "
                "Keyledger."
            },
            "resource": {"description": "The id of the changed resource."},
            "key_id": {"description": "The id of a key: changes to the key and changes made with it."},
            "ip": {"description": "The address that the request came from."},
        },
        answer=Answer(audit.AuditEvent, examples.AUDIT_EVENT, paging="cursor"),
    ),
    routed(
        audit_event,
        tag=_TAG,
        summary="Get a change",
        description="Return one event of the audit log by its id.",
        answer=Answer(audit.AuditEvent, examples.AUDIT_EVENT),
    ),
    routed(
        export.export_audit,
        tag=_TAG,
        summary="Export the audit log",
        description=(
            'Every change, oldest first, one per line. The last line is `{"end":true,"events":…}` (in CSV `end,…`) '
            "with the number of events before it. A file without this line is incomplete."
        ),
        query=export.Query,
        query_fields={"format": {"description": "One JSON object per line, or comma-separated values (RFC 4180)."}},
        answer=Answer(
            content_type="application/jsonl",
            texts=("text/csv; charset=utf-8",),
            headers={"Content-Disposition": "The name of the file."},
        ),
    ),
]
