"""The calls of `client.webhooks`."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, TypeAlias
from urllib.parse import quote

from msgspec import UNSET, UnsetType

from keyledger.call import Call, Repeat, data_of, json_body, page_of, query_of, recovering, set_fields, with_headers
from keyledger.errors import SecretLost
from keyledger.models.page import Page
from keyledger.models.webhooks import DeletedWebhook, Delivery, Trial, Webhook, WebhookDetail, WebhookWithSecret

Kind: TypeAlias = Literal["standard", "slack"]
WebhookStatus: TypeAlias = Literal["active", "disabled"]
DeliveryStatus: TypeAlias = Literal["pending", "delivered", "failed"]

_WEBHOOKS = "/v1/webhooks"
_TEST_SECONDS = 20.0

_webhook = data_of(Webhook)
_detail = data_of(WebhookDetail)
_with_secret = data_of(WebhookWithSecret)
_deleted = data_of(DeletedWebhook)
_trial = data_of(Trial)
_delivery = data_of(Delivery)
_webhooks = page_of(Webhook)
_deliveries = page_of(Delivery)


def create_webhook(
    url: str,
    *,
    events: Sequence[str] | None = None,
    description: str | None = None,
    kind: Kind | None = None,
    idempotency_key: str | None = None,
) -> Call[WebhookWithSecret]:
    """Create a webhook, which notifies an address. `events`: such as `api_key.revoked`; by default all.

    If the response with the secret was lost, the client rotates the secret. With an `idempotency_key` of your own,
    `secret` is None instead.
    """
    fields = set_fields(url=url, events=None if events is None else list(events), description=description, kind=kind)
    headers = with_headers(idempotency_key=idempotency_key)
    call = Call(
        "POST", _WEBHOOKS, _with_secret, body=json_body(**fields), headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY
    )
    if idempotency_key is not None:
        return call
    return recovering(
        replace(call, read=_secret_arrived), lambda lost: _rotation(lost.key_id, json_body(overlap_seconds=0))
    )


def list_webhooks(*, cursor: str | None = None, per_page: int | None = None) -> Call[Page[Webhook]]:
    """List the webhooks of the organization, newest first."""
    return Call("GET", _WEBHOOKS, _webhooks, query_of(cursor=cursor, per_page=per_page))


def get_webhook(webhook_id: str) -> Call[WebhookDetail]:
    """Return one webhook and whether its deliveries succeed."""
    return Call("GET", _path(webhook_id), _detail)


def update_webhook(
    webhook_id: str,
    *,
    url: str | UnsetType = UNSET,
    events: Sequence[str] | UnsetType = UNSET,
    description: str | UnsetType | None = UNSET,
    status: WebhookStatus | UnsetType = UNSET,
    if_match: int | None = None,
) -> Call[Webhook]:
    """Update the given fields and keep the others. A disabled webhook receives nothing."""
    listed_events = events if events is UNSET else list(events)
    body = json_body(url=url, events=listed_events, description=description, status=status)
    return Call(
        "PATCH",
        _path(webhook_id),
        _webhook,
        body=body,
        headers=with_headers(if_match=if_match),
        repeat=Repeat.WITH_IDEMPOTENCY_KEY,
    )


def rotate_webhook(
    webhook_id: str, *, overlap_seconds: int | None = None, idempotency_key: str | None = None
) -> Call[WebhookWithSecret]:
    """Give a webhook a new secret. Messages are signed with both secrets until the overlap is over.

    If the response with the secret was lost, the client rotates it again. With an `idempotency_key` of your own,
    `secret` is None instead.
    """
    body = json_body(**set_fields(overlap_seconds=overlap_seconds))
    if idempotency_key is not None:
        return _rotation(webhook_id, body, _with_secret, idempotency_key)
    return recovering(_rotation(webhook_id, body), lambda _: _rotation(webhook_id, body))


def test_webhook(webhook_id: str, *, idempotency_key: str | None = None) -> Call[Trial]:  # noqa: PT028 -- not a pytest test
    """Send a test message and return the receiver's response. Each call sends one."""
    headers = with_headers(idempotency_key=idempotency_key)
    path = f"{_path(webhook_id)}/test"
    return Call(
        "POST", path, _trial, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY, timeout_seconds=_TEST_SECONDS
    )


def list_deliveries(
    webhook_id: str, *, status: DeliveryStatus | None = None, cursor: str | None = None, per_page: int | None = None
) -> Call[Page[Delivery]]:
    """List the deliveries of the last 30 days with their results, newest first."""
    query = query_of(status=status, cursor=cursor, per_page=per_page)
    return Call("GET", f"{_path(webhook_id)}/deliveries", _deliveries, query)


def retry_delivery(webhook_id: str, delivery_id: str, *, idempotency_key: str | None = None) -> Call[Delivery]:
    """Send a message again with the same id, even if it was delivered."""
    path = f"{_path(webhook_id)}/deliveries/{quote(delivery_id, safe='')}/retry"
    headers = with_headers(idempotency_key=idempotency_key)
    return Call("POST", path, _delivery, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def delete_webhook(webhook_id: str, *, if_match: int | None = None) -> Call[DeletedWebhook]:
    """Delete a webhook. Nothing is sent to it from now on."""
    headers = with_headers(if_match=if_match)
    return Call("DELETE", _path(webhook_id), _deleted, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _secret_arrived(content: bytes) -> WebhookWithSecret:
    """Read the webhook. Raises `SecretLost` for a replayed response without its secret. Slack never has a secret."""
    webhook = _with_secret(content)
    if webhook.secret is None and webhook.kind == "standard":
        raise SecretLost(webhook.id, webhook.revision)
    return webhook


def _rotation(
    webhook_id: str,
    body: bytes,
    read: Callable[[bytes], WebhookWithSecret] = _secret_arrived,
    idempotency_key: str | None = None,
) -> Call[WebhookWithSecret]:
    headers = with_headers(idempotency_key=idempotency_key)
    path = f"{_path(webhook_id)}/rotate"
    return Call("POST", path, read, body=body, headers=headers, repeat=Repeat.WITH_IDEMPOTENCY_KEY)


def _path(webhook_id: str) -> str:
    return f"{_WEBHOOKS}/{quote(webhook_id, safe='')}"
