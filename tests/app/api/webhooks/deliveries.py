"""Deliveries of webhooks for tests that show or retry them."""

from tests.app.organizations import Organization


def add_failed_delivery(org: Organization, webhook_id: str, number: int) -> str:
    """Return the id of the delivery. `number` is one digit, and determines the order."""
    delivery_id = f"msg_{org.id[-25:]}{number}"
    org.api.database.rows(
        """insert into webhook_deliveries (delivery_id, organization_id, webhook_id, event_id, position, subject, event,
        body, status, created_at, due_at, finished_at)
        values (%s, %s, %s, %s, %s, '', 'api_key.created', '{}', 'failed', now(), now(), now())""",
        delivery_id,
        org.id,
        webhook_id,
        f"evt_{org.id[-25:]}{number}",
        number,
    )
    return delivery_id
