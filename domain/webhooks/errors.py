"""Refusals of webhook commands. The first line of each docstring is the message."""

from domain.refusal import Conflict, NotFound


class WebhookNotFound(NotFound):
    """There is no such webhook."""


class TooManyWebhooks(Conflict):
    """The organization has as many webhooks as it can have. Delete one that is not needed any more."""


class NothingToRotate(Conflict):
    """A Slack address is a secret by itself: make a new one there, and change url to it."""


class DeliveryNotFound(NotFound):
    """Nothing of this id was sent to the webhook, or it is longer ago than deliveries are kept."""


class WebhookIsDisabled(Conflict):
    """The webhook is disabled: nothing is sent to it until its status is active."""
