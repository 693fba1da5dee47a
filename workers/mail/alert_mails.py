"""Texts of alert mails: the alerts, the numbers that triggered them, and what to do.

The mails are plain text without secrets. They show the name of a key and the prefix that lists also show.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from domain.alerts.events import AlertType, Number
from domain.alerts.quota_stages import STAGES_PERCENT
from domain.members.roles import grants_of
from projections.outboxes.alert_mail.queries import Notice, Recipient
from projections.outboxes.mail.outbox import Mail

SHOWN_MAX = 50
"""The maximum number of alerts that a mail lists. The others are only counted."""

_SUBJECT_LENGTH_MAX = 150
_DAY = timedelta(days=1)


def alert_mail(to: Recipient, notices: Sequence[Notice], at: datetime, public_url: str) -> Mail:
    """Return one mail about one or more alerts."""
    subject = title(notices[0], at) if len(notices) == 1 else _subject(notices, to.organization)
    if len(subject) > _SUBJECT_LENGTH_MAX:
        subject = f"{subject[: _SUBJECT_LENGTH_MAX - 1]}…"
    settings = f"{public_url}/account#mails"
    text = "\n".join(
        [
            *(_alone(to, notices[0], at, public_url) if len(notices) == 1 else _listed(to, notices, at, public_url)),
            "",
            f"You get this as {_as(to)} of {to.organization}. Choose what is mailed to you, or switch it off:",
            settings,
            "",
        ]
    )
    return Mail(to=to.email, subject=subject, text=text, settings_url=settings)


def title(notice: Notice, at: datetime) -> str:  # noqa: PLR0911 -- one return a type
    """Return the title of an alert, with the name of its key."""
    key = "A key" if notice.key_name is None else f"Key “{notice.key_name}”"
    numbers = notice.numbers
    match notice.type:
        case "api_key.expiring":
            return f"{key} {_expires(numbers.get('expires_at'), at)}"
        case "api_key.unusual_volume":
            return f"{key} is used far more than usual"
        case "api_key.new_location":
            return f"{key} was used from a new place{_with(': ', numbers.get('place'))}"
        case "api_key.error_spike":
            return f"{key} has many calls that fail"
        case "api_key.dormant_used":
            return f"{key} is used again{_with(' after days unused: ', numbers.get('unused_days'))}"
        case "api_key.denied_burst" if notice.key_id is None:
            return f"Unknown keys were tried{_with(' from ', numbers.get('address'))}"
        case "api_key.denied_burst":
            return f"{key} was refused"
        case "usage.threshold":
            return _used_of_month(numbers.get("percentage"))
        case "webhook.disabled":
            return "A webhook was disabled: its server takes nothing any more"
        case _:  # a type that was added later than these texts
            return f"{notice.type} of {notice.key_name or 'the organization'}"


def _alone(to: Recipient, notice: Notice, at: datetime, public_url: str) -> list[str]:
    return [
        f"{title(notice, at)}.",
        "",
        f"Severity: {notice.severity}",
        f"Raised:   {notice.raised_at:%Y-%m-%d %H:%M} UTC",
        *([] if notice.key_id is None else [f"Key:      {_key(notice)}"]),
        *_numbers(notice),
        "",
        ADVICE.get(notice.type, ""),
        *_links(to, notice, public_url),
    ]


def _listed(to: Recipient, notices: Sequence[Notice], at: datetime, public_url: str) -> list[str]:
    gravest = sorted(notices, key=lambda each: (_GRAVEST.index(each.severity), each.raised_at, each.alert_id))
    lines = [f"{_subject(notices, to.organization)}."]
    for notice in gravest[:SHOWN_MAX]:
        lines += [
            "",
            f"{title(notice, at)}. ({notice.severity}, {notice.raised_at:%Y-%m-%d %H:%M} UTC)",
            *_numbers(notice),
            *_links(to, notice, public_url),
        ]
    if len(notices) > SHOWN_MAX:
        lines += ["", f"And {len(notices) - SHOWN_MAX} more."]
    for advice in dict.fromkeys(ADVICE.get(notice.type, "") for notice in gravest):
        lines += ["", advice]
    if "alerts:read" in grants_of(to.role):
        lines += ["", f"All alerts: {public_url}/v1/alerts"]
    return lines


_GRAVEST = ("critical", "warning", "info")


def _subject(notices: Sequence[Notice], organization: str) -> str:
    counts = Counter(notice.severity for notice in notices)
    said = ", ".join(f"{counts[severity]} {severity}" for severity in _GRAVEST if counts[severity])
    return f"{len(notices)} alerts of {organization}: {said}"


def _as(to: Recipient) -> str:
    return f"{'an' if to.role in {'admin', 'auditor'} else 'the' if to.role == 'owner' else 'a'} {to.role}"


def _key(notice: Notice) -> str:
    prefix = "" if notice.key_prefix is None else f" ({notice.key_prefix}…)"
    return f"{notice.key_name or notice.key_id}{prefix}"


def _numbers(notice: Notice) -> list[str]:
    return [
        f"  {name.replace('_', ' ')}: {_written(value)}" for name, value in notice.numbers.items() if value is not None
    ]


def _written(value: Number) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _links(to: Recipient, notice: Notice, public_url: str) -> list[str]:
    """Return the links that the role of the recipient may open after signing in."""
    grants = grants_of(to.role)
    links: list[str] = []
    if "alerts:read" in grants:
        links.append(f"The alert: {public_url}/v1/alerts/{notice.alert_id}")
    if notice.key_id is not None and "keys:read" in grants:
        links.append(f"The key: {public_url}/v1/api-keys/{notice.key_id}")
    if notice.type == "usage.threshold":
        links.append(f"The usage: {public_url}/v1/usage")
    if notice.type == "webhook.disabled" and "webhooks:read" in grants:
        links.append(f"The webhook: {public_url}/v1/webhooks/{notice.numbers.get('webhook_id')}")
    return links


def _expires(end: Number, at: datetime) -> str:
    if not isinstance(end, str):
        return "expires soon"
    days = ceil((datetime.fromisoformat(end) - at) / _DAY)
    return "has expired" if days < 1 else f"expires in {days} {'day' if days == 1 else 'days'}"


def _used_of_month(percentage: Number) -> str:
    if percentage == STAGES_PERCENT[-1]:
        return "All requests of this month are used up: further ones are refused"
    return "The requests of this month near their limit" + ("" if percentage is None else f": {percentage} % used")


def _with(words: str, number: Number) -> str:
    return "" if number is None else f"{words}{number}"


ADVICE: dict[AlertType, str] = {
    "api_key.expiring": "From that instant on the key is refused. Set a later date if it is needed longer, or make a"
    " new key and put it where the old one is used.",
    "api_key.unusual_volume": "If nobody can say why, rotate the key: it may be in other hands. If it is meant to be"
    " so, acknowledge the alert.",
    "api_key.new_location": "If nobody of yours is there, rotate the key: it may be in other hands. A list of allowed"
    " addresses keeps a key where it belongs.",
    "api_key.error_spike": "The usage of the key says which MCP server and which tool fail.",
    "api_key.dormant_used": "If nobody meant to use it, revoke the key: it may have been found somewhere.",
    "api_key.denied_burst": "The activity of a key says from where it was tried, and why it was refused. A program may"
    " still have a key that was replaced, or somebody tries what they found.",
    "usage.threshold": "When the requests of the plan are used up, further ones are refused until the next month"
    " begins, or the owner changes the plan.",
    "webhook.disabled": "Put its server right, or give the webhook another address, and make it active again.",
}
