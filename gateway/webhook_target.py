"""The URL of a webhook and the secrets that sign its messages, which are sealed at rest."""

import base64
import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from standardwebhooks import Webhook

from domain.webhooks.events import WebhookKind
from gateway.http_post import PostResult
from infrastructure.database.statements import Statement
from infrastructure.encryption import DecryptionFailed, Sealer
from projections.read_models.webhooks.list.queries import SealedSecret, secret_put

SECRET_BYTES = 32
"""Number of random bytes in a signing secret; Standard Webhooks requires 24 to 64."""

_PURPOSE = "webhook-secret"
_PREFIX = "whsec_"
_WORD = re.compile("[a-z_]{1,40}")


class WebhookTarget(NamedTuple):
    """The URL of a webhook and the secrets that sign its messages; no secrets if the URL itself is the secret."""

    url: str
    secrets: tuple[str, ...]

    def headers(self, message_id: str, at: datetime, body: bytes) -> dict[str, str]:
        """Return the headers of Standard Webhooks 1.0, with one signature for each secret."""
        signatures = [Webhook(secret).sign(message_id, at, body.decode()) for secret in self.secrets]
        headers = {"webhook-id": message_id, "webhook-timestamp": str(int(at.timestamp()))}
        return {**headers, "webhook-signature": " ".join(signatures)} if signatures else headers

    def redacted(self, posted: PostResult) -> PostResult:
        """Return `posted` with the part of the response that may be stored and shown.

        Many servers echo the URL that was not found, and some echo the whole request. From a secret URL, only a
        single-word response is kept, such as Slack's `invalid_payload`, and only if the URL does not contain the word.
        """
        text = posted.response
        for secret in self.secrets:
            text = text.replace(secret, "…")
        is_shown = self.secrets or (_WORD.fullmatch(text.strip()) and text.strip() not in self.url)
        return posted._replace(response=text if is_shown else "")


def new_secret(entropy: bytes) -> str:
    """Return a signing secret (Standard Webhooks 1.0) of `SECRET_BYTES` random bytes."""
    return _PREFIX + base64.b64encode(entropy).decode()


def shown_url(kind: WebhookKind, url: str) -> str:
    """Return the part of a URL that may be shown: anyone who knows the full URL of a Slack channel can post there."""
    if kind == "standard":
        return url
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"


def store_secret(sealer: Sealer, secret: str, version: int, webhook_id: str, organization_id: str) -> Statement:
    """Return the statement that stores a secret, sealed and bound to its webhook."""
    sealed = sealer.seal(secret.encode(), purpose=_PURPOSE, bound_to=_bound_to(organization_id, webhook_id))
    return secret_put(webhook_id, version, sealed)


def open_target(
    sealer: Sealer | None,
    stored: list[SealedSecret],
    *,
    webhook_id: str,
    organization_id: str,
    kind: WebhookKind,
    url: str,
    previous_valid_until: datetime | None,
    at: datetime,
) -> WebhookTarget:
    """Return the target of a message sent at `at`. Raise `DecryptionFailed` if a secret cannot be decrypted."""
    if sealer is None or not stored:
        raise DecryptionFailed
    overlaps = previous_valid_until is not None and at < previous_valid_until
    secrets = [
        sealer.open(each.sealed, purpose=_PURPOSE, bound_to=_bound_to(organization_id, webhook_id)).decode()
        for each in (stored if overlaps else stored[:1])
    ]
    return WebhookTarget(secrets[0], ()) if kind == "slack" else WebhookTarget(url, tuple(secrets))


def _bound_to(organization_id: str, webhook_id: str) -> str:
    return f"{organization_id}/{webhook_id}"
