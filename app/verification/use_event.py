"""The event that records a use of a key."""

from app.verification.batch_context import BatchContext
from app.verification.quota_ledger import LimitedDecision
from domain.keys.state import Key
from domain.usage.decision import AccessRequest
from domain.usage.events import KeyUsed


def key_used(
    request: AccessRequest,
    limited: LimitedDecision,
    context: BatchContext,
    event_id: str,
    *,
    verified_by: Key | None = None,
) -> KeyUsed:
    """Return the event for `request`; `verified_by`: the calling key, if it verified another key."""
    decision = limited.decision
    key = decision.key
    organization_id = None if verified_by is None else verified_by.organization_id
    return KeyUsed(
        id=event_id,
        occurred_at=context.at,
        action=request.action,
        code=decision.code,
        organization_id=organization_id if key is None else key.organization_id,
        key_id=None if key is None else key.id,
        revision=None if key is None else key.revision,
        secret_version=decision.secret_version,
        mcp_id=request.mcp_id,
        tool=request.tool,
        ip=request.ip,
        user_agent=request.user_agent,
        request_id=request.request_id,
        caller_key_id=None if verified_by is None else verified_by.id,
        billed=limited.billed,
        ends_previous=context.ends_previous(request, decision),
    )
