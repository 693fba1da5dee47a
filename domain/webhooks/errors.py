"""Refusals of webhook commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class WebhookNotFound(NotFound):
    """Webhook not found."""


class TooManyWebhooks(Conflict):
    """The organization cannot have more webhooks. Delete a webhook first."""


class NothingToRotate(Conflict):
    """A Slack-compatible webhook has no secret to rotate. Create a new URL there, and update url."""


class DeliveryNotFound(NotFound):
    """Delivery not found, or no longer stored."""


class WebhookIsDisabled(Conflict):
    """This webhook is disabled. Set its status to active before you send to it."""
