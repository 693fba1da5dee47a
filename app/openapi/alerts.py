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
        description="Newest first. Counting stops at 10,000 alerts: `total_exact` is then false. Page numbers reach "
        "the first 10,000 alerts, cursors reach all of them.",
        query=listing.Query,
        query_fields={
            "type": {"description": "The type of the alert."},
            "status": {"description": "Whether the alert has been acknowledged."},
            "key_id": {"description": "The id of the key that the alert is about."},
            "severity": {"description": "The severity of the alert."},
        },
        answer=Answer(Alert, _ALERT, paging="pages"),
    ),
    routed(
        alert_detail,
        tag=_TAG,
        summary="Get an alert",
        description="The response includes the numbers that raised the alert.",
        answer=Answer(Alert, _ALERT),
        revised=True,
    ),
    routed(
        acknowledge_alert,
        tag=_TAG,
        summary="Acknowledge an alert",
        description="Mark the alert as seen. Acknowledging it again changes nothing.",
        answer=Answer(Alert, _ACKNOWLEDGED),
        revised=True,
        conditional=True,
        repeatable=True,
    ),
]
