"""All operations of the API. A test fails if a route is missing."""

from app.openapi import alerts, audit, keys, mcps, organization, service, sessions, usage, verification, webhooks
from app.openapi.operation import Operation

OPERATIONS: list[Operation] = [
    *keys.OPERATIONS,
    *verification.OPERATIONS,
    *mcps.OPERATIONS,
    *audit.OPERATIONS,
    *organization.OPERATIONS,
    *usage.OPERATIONS,
    *alerts.OPERATIONS,
    *webhooks.OPERATIONS,
    *sessions.OPERATIONS,
    *service.OPERATIONS,
]
