"""OpenAPI operations on webhooks."""

from app.api.webhooks.create import create_webhook
from app.api.webhooks.delete import delete_webhook
from app.api.webhooks.get import get_webhook
from app.api.webhooks.list import list_webhooks
from app.api.webhooks.list_deliveries import list_deliveries
from app.api.webhooks.retry_delivery import retry_delivery
from app.api.webhooks.rotate import rotate_webhook
from app.api.webhooks.test import test_webhook
from app.api.webhooks.update import update_webhook
from app.openapi.operation import Operation, declared

OPERATIONS: list[Operation] = [
    declared(create_webhook),
    declared(list_webhooks),
    declared(get_webhook),
    declared(update_webhook),
    declared(delete_webhook),
    declared(rotate_webhook),
    declared(test_webhook),
    declared(list_deliveries),
    declared(retry_delivery),
]
