"""The fields of the forms that create and change a webhook, and the request that they stand for."""

from app.api.webhooks.schemas import Webhook
from app.pages.fields import Fields
from domain.webhooks.event_names import EVERYTHING

LABELS = {"kind": "Messages", "url": "URL", "events": "Events", "description": "Description"}
"""The labels of the fields, which have the names of the request."""

DEFAULTS = Fields([("kind", "standard"), ("which", "all")])
"""The form before the user has entered anything."""


def to_fields(webhook: Webhook) -> Fields:
    """Return the form for a webhook. An address that is a secret is not shown."""
    everything = EVERYTHING in webhook.events
    return Fields(
        [
            ("kind", webhook.kind),
            ("url", webhook.url if webhook.kind == "standard" else ""),
            ("description", webhook.description),
            ("which", "all" if everything else "selected"),
            *[("events", name) for name in webhook.events if not everything],
        ]
    )


def to_request(fields: Fields, stored: Webhook | None = None) -> dict[str, object]:
    """Return the body of the request. `stored` is the webhook that it changes, whose kind stays.

    In a change, an empty address that is a secret stays as it is.
    """
    body: dict[str, object] = {
        "description": fields.one("description").strip(),
        "events": fields.all("events") if fields.one("which") == "selected" else [EVERYTHING],
    }
    url = fields.one("url").strip()
    if stored is None:
        return {**body, "url": url, "kind": fields.one("kind", "standard")}
    return body if stored.kind == "slack" and not url else {**body, "url": url}
