"""Texts of alert mails: the alerts, the numbers that triggered them, and what to do.

The mails are plain text without secrets. They show the name of a key and the prefix that lists also show.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from math import ceil

from domain.alerts.events import AlertType, Number
from domain.alerts.quota_stages import STAGES_PERCENT
from domain.leaks.wording import OUTCOME_TEXTS
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
            *(_single(to, notices[0], at, public_url) if len(notices) == 1 else _list(to, notices, at, public_url)),
            "",
            f"You receive this mail as {_role(to)} of {to.organization}. Change or turn off these mails:",
            settings,
            "",
        ]
    )
    return Mail(to=to.email, subject=subject, text=text, settings_url=settings)


def title(notice: Notice, at: datetime) -> str:  # noqa: C901, PLR0911 -- one return per type
    """Return the title of an alert, with the name of its key."""
    key = "A key" if notice.key_name is None else f"Key “{notice.key_name}”"
    numbers = notice.numbers
    match notice.type:
        case "api_key.expiring":
            return f"{key} {_expires(numbers.get('expires_at'), at)}"
        case "api_key.unusual_volume":
            return f"{key} has far more requests than usual"
        case "api_key.new_location":
            return f"{key} was used from a new location{_suffix(': ', numbers.get('place'))}"
        case "api_key.error_spike":
            return f"{key} has many failed calls"
        case "api_key.dormant_used":
            return f"{key} was used again{_dormant(numbers.get('unused_days'))}"
        case "api_key.denied_burst" if notice.key_id is None:
            return f"Unknown keys were presented{_suffix(' from ', numbers.get('address'))}"
        case "api_key.denied_burst" if numbers.get("rule") == "revoked_secret":
            return f"{key}: a revoked or replaced secret is still in use"
        case "api_key.denied_burst":
            return f"{key} was refused many times"
        case "api_key.leaked":
            return f"{key} was found in public{_leaked(numbers.get('outcome'))}"
        case "usage.threshold":
            return _used_of_month(numbers.get("percentage"))
        case "webhook.disabled":
            return "Webhook disabled: its endpoint no longer accepts deliveries"
        case _:  # a type that was added later than these texts
            return f"{notice.type} of {notice.key_name or 'the organization'}"


def _single(to: Recipient, notice: Notice, at: datetime, public_url: str) -> list[str]:
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


def _list(to: Recipient, notices: Sequence[Notice], at: datetime, public_url: str) -> list[str]:
    by_severity = sorted(notices, key=lambda each: (_BY_SEVERITY.index(each.severity), each.raised_at, each.alert_id))
    lines = [f"{_subject(notices, to.organization)}."]
    for notice in by_severity[:SHOWN_MAX]:
        lines += [
            "",
            f"{title(notice, at)}. ({notice.severity}, {notice.raised_at:%Y-%m-%d %H:%M} UTC)",
            *_numbers(notice),
            *_links(to, notice, public_url),
        ]
    if len(notices) > SHOWN_MAX:
        lines += ["", f"And {len(notices) - SHOWN_MAX} more."]
    for advice in dict.fromkeys(ADVICE.get(notice.type, "") for notice in by_severity):
        lines += ["", advice]
    if "alerts:read" in grants_of(to.role):
        lines += ["", f"All alerts: {public_url}/alerts"]
    return lines


_BY_SEVERITY = ("critical", "warning", "info")


def _subject(notices: Sequence[Notice], organization: str) -> str:
    counts = Counter(notice.severity for notice in notices)
    counts_by_severity = ", ".join(f"{counts[severity]} {severity}" for severity in _BY_SEVERITY if counts[severity])
    return f"{len(notices)} alerts of {organization}: {counts_by_severity}"


def _role(to: Recipient) -> str:
    return f"{'an' if to.role in {'admin', 'auditor'} else 'the' if to.role == 'owner' else 'a'} {to.role}"


def _key(notice: Notice) -> str:
    prefix = "" if notice.key_prefix is None else f" ({notice.key_prefix}…)"
    return f"{notice.key_name or notice.key_id}{prefix}"


def _numbers(notice: Notice) -> list[str]:
    return [
        f"  {name.replace('_', ' ')}: {_formatted(value)}"
        for name, value in notice.numbers.items()
        if value is not None
    ]


def _formatted(value: Number) -> str:
    return f"{value:,}" if isinstance(value, int | float) else str(value)


def _links(to: Recipient, notice: Notice, public_url: str) -> list[str]:
    """Return the links that the role of the recipient may open. Pages ask for a sign-in first."""
    grants = grants_of(to.role)
    links: list[str] = []
    if "alerts:read" in grants:
        links.append(f"The alert: {public_url}/alerts/{notice.alert_id}")
    if notice.key_id is not None and "keys:read" in grants:
        links.append(f"The key: {public_url}/keys/{notice.key_id}")
    if notice.type == "usage.threshold":
        links.append(f"The usage: {public_url}/usage")
    if notice.type == "webhook.disabled" and "webhooks:read" in grants:
        links.append(f"The webhook: {public_url}/webhooks/{notice.numbers.get('webhook_id')}")
    return links


def _expires(end: Number, at: datetime) -> str:
    if not isinstance(end, str):
        return "expires soon"
    days = ceil((datetime.fromisoformat(end) - at) / _DAY)
    return "has expired" if days < 1 else f"expires in {days} {'day' if days == 1 else 'days'}"


def _used_of_month(percentage: Number) -> str:
    if percentage == STAGES_PERCENT[-1]:
        return "Monthly quota used up: further requests are refused"
    return "Monthly quota almost used up" + ("" if percentage is None else f": {percentage} % used")


def _dormant(unused_days: Number) -> str:
    return "" if unused_days is None else f" after {unused_days} {'day' if unused_days == 1 else 'days'} without use"


def _leaked(outcome: Number) -> str:
    known = next((text for name, text in OUTCOME_TEXTS.items() if name == outcome), None)
    return "" if known is None else f" and {known.brief}"


def _suffix(prefix: str, number: Number) -> str:
    return "" if number is None else f"{prefix}{number}"


ADVICE: dict[AlertType, str] = {
    "api_key.expiring": "The key is refused once it has expired. Set a later date if the key is still needed, or"
    " create a new key and replace the old one in your client.",
    "api_key.unusual_volume": "If you cannot explain the volume, rotate the key: it may have been leaked. If the volume"
    " is intended, acknowledge the alert.",
    "api_key.new_location": "If you have no client there, rotate the key: it may have been leaked. To restrict a key to"
    " known addresses, set its allowed IPs.",
    "api_key.error_spike": "The usage of the key shows which MCP server and which tool fail.",
    "api_key.dormant_used": "If you did not expect this use, revoke the key: it may have been leaked.",
    "api_key.denied_burst": "The activity of a key shows where the requests came from and why they were refused. A"
    " client may still use a replaced key, or an attacker may be trying leaked keys.",
    "api_key.leaked": "Replace the key in its clients, and delete it where it was found. The activity of the key shows"
    " whether others used it.",
    "usage.threshold": "When the quota is used up, requests are refused until the next month starts or the owner"
    " changes the plan.",
    "webhook.disabled": "Fix the endpoint or change its URL, then activate the webhook again.",
}
