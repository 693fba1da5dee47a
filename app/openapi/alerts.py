"""OpenAPI operations on alerts."""

from app.api.alerts import list as listing
from app.api.alerts.acknowledge import acknowledge_alert
from app.api.alerts.get import alert_detail
from app.openapi import examples
from app.openapi.operation import Answer, Operation, routed
from app.openapi.shapes.alerts import Alert

_TAG = "Alerts"
_ALERT = {
    "id": examples.ALERT_ID,
    "type": "api_key.expiring",
    "severity": "warning",
    "status": "open",
    "key_id": examples.KEY_ID,
    "created_at": examples.THEN,
    "acknowledged_at": None,
    "acknowledged_by": None,
    "details": {"days": 7, "expires_at": examples.LATER},
    "revision": 1,
}
_ACKNOWLEDGED = {
    **_ALERT,
    "status": "acknowledged",
    "acknowledged_at": examples.LATER,
    "acknowledged_by": {"type": "user", "id": examples.USER_ID},
    "revision": 2,
}

OPERATIONS: list[Operation] = [
    routed(
        listing.list_alerts,
        tag=_TAG,
        summary="List alerts",
        description="Newest first. More than 10,000 are not counted: `total_exact` is false then, and pages by number"
        " reach the first 10,000, cursors all of them.",
        query=listing.Query,
        query_fields={
            "type": {"description": "What it is about."},
            "status": {"description": "Whether someone has acknowledged it."},
            "key_id": {"description": "The id of the key that it is about."},
            "severity": {"description": "How bad it is."},
        },
        answer=Answer(Alert, _ALERT, paging="pages"),
    ),
    routed(
        alert_detail,
        tag=_TAG,
        summary="Show an alert",
        description="With the numbers that fired it.",
        answer=Answer(Alert, _ALERT),
        revised=True,
    ),
    routed(
        acknowledge_alert,
        tag=_TAG,
        summary="Acknowledge an alert",
        description="Someone has seen it. Repeating it changes nothing.",
        answer=Answer(Alert, _ACKNOWLEDGED),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
]
