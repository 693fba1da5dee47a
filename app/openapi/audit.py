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
        summary="List what was changed",
        description=(
            "Every change in the organization, newest first. Uses of keys are no changes: they are in the activity of"
            " their key."
        ),
        query=events.Query,
        query_fields={
            "type": {"description": "One kind of event.", "enum": list(EVENT_TYPES)},
            "actor": {
                "description": "The id of the person or the key that caused it, or the name of a part of Keyledger."
            },
            "resource": {"description": "The id of what was changed."},
            "key_id": {"description": "The id of a key: what was done to it, and what was done with it."},
            "ip": {"description": "The address from which it was asked for."},
        },
        answer=Answer(audit.AuditEvent, examples.AUDIT_EVENT, paging="cursor"),
    ),
    routed(
        audit_event,
        tag=_TAG,
        summary="Show one change",
        description="An event of the audit log by its id.",
        answer=Answer(audit.AuditEvent, examples.AUDIT_EVENT),
    ),
    routed(
        export.export_audit,
        tag=_TAG,
        summary="Export the audit log",
        description=(
            'Every change, oldest first, one a line. The last line is `{"end":true,"events":…}` (in CSV `end,…`) with'
            " the number of events before it: a file without it was cut off."
        ),
        query=export.Query,
        query_fields={"format": {"description": "One JSON object a line, or comma-separated values (RFC 4180)."}},
        answer=Answer(
            content_type="application/jsonl",
            texts=("text/csv; charset=utf-8",),
            headers={"Content-Disposition": "The name of the file."},
        ),
    ),
]
