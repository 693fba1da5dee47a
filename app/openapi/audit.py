"""OpenAPI operations on the audit log."""

from app.api.audit.export import export_audit_log
from app.api.audit.get import get_audit_event
from app.api.audit.list import list_audit_events
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [declared(list_audit_events), declared(get_audit_event), declared(export_audit_log)]
