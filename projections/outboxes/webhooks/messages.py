"""The webhook message about an event: the exact bytes, made once and sent in every attempt."""

import re
from typing import Any, NamedTuple

import msgspec

from domain.alerts.events import AlertRaised
from domain.webhooks.event_names import public_event_name
from domain.webhooks.events import WebhookKind
from eventstore.public_fields import public_fields
from eventstore.recorded import Recorded

_encoder = msgspec.json.Encoder()
_SPECIAL = re.compile("[&<>]")
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Message(NamedTuple):
    """A message. `event` is the public event name, `subject` identifies what it is about, and `data` is its content."""

    event: str
    subject: str
    timestamp: str
    organization_id: str
    data: dict[str, Any]

    def body(self, kind: WebhookKind) -> bytes:
        return _slack(self) if kind == "slack" else standard_body(self)


def message_of(recorded: Recorded[Any]) -> Message | None:
    """Return the message about an event, or None if webhooks do not receive that event."""
    record, event = recorded.record, recorded.event
    name = public_event_name(record.type, event)
    if name is None:
        return None
    subject = record.stream_id
    data = {"id": subject, **public_fields(event)}
    if isinstance(event, AlertRaised):
        subject = event.key_id or record.stream_id
    actor = msgspec.to_builtins(record.origin.actor)
    return Message(
        event=name,
        subject=subject,
        timestamp=record.occurred_at.isoformat().replace("+00:00", "Z"),
        organization_id=record.organization_id,
        data={**data, "actor": actor, "event_id": record.id, "recorded_as": record.type},
    )


def standard_body(message: Message) -> bytes:
    """Return the body. `type` is the name of `event` in the Standard Webhooks specification."""
    return _encoder.encode(
        {
            "event": message.event,
            "type": message.event,
            "timestamp": message.timestamp,
            "organization_id": message.organization_id,
            "data": message.data,
        }
    )


def _slack(message: Message) -> bytes:
    """Return the text for a Slack incoming webhook, with control characters escaped."""
    fields = {**message.data, **message.data.get("numbers", {})}
    facts = [
        f"{name}: {value}" for name, value in fields.items() if isinstance(value, (str, int, float)) and value != ""
    ]
    text = f"*{message.event}* at {message.timestamp}\n" + "\n".join(map(_escaped, facts))
    return _encoder.encode({"text": text})


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: _ESCAPES[match[0]], text)
