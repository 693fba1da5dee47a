"""The calls of `client.activity`."""

from datetime import datetime
from urllib.parse import quote

from keyledger.call import Call, data_of, page_of, query_of
from keyledger.endpoints.keys import Action, Outcome
from keyledger.models.activity import KeyUse, Use
from keyledger.models.page import Page

_use = data_of(Use)
_uses = page_of(KeyUse)


def list_activity(
    *,
    status: Outcome | None = None,
    action: Action | None = None,
    reason: str | None = None,
    mcp_id: str | None = None,
    tool: str | None = None,
    ip: str | None = None,
    secret_version: int | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    after: str | None = None,
    cursor: str | None = None,
    per_page: int | None = None,
) -> Call[Page[KeyUse]]:
    """List the uses of all keys that match all filters, newest first. `after` works as in `keys.list_activity`."""
    query = query_of(
        status=status,
        action=action,
        reason=reason,
        mcp_id=mcp_id,
        tool=tool,
        ip=ip,
        secret_version=secret_version,
        from_=since,
        to=until,
        after=after,
        cursor=cursor,
        per_page=per_page,
    )
    return Call("GET", "/v1/activity", _uses, query)


def get_use(event_id: str) -> Call[Use]:
    """Return one use and the explanation of its decision. `event_id` is the one that a verification returned."""
    return Call("GET", f"/v1/activity/{quote(event_id, safe='')}", _use)
