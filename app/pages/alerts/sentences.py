"""Alerts in sentences: what happened, the rule that raised the alert, and what to do.

The sentences contain the recorded numbers. An alert without the numbers of its rule, such as one that an earlier
version raised, is described by its type only.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import ClassVar, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from app.api.alerts.schemas import Alert
from app.http.error_catalogue import ERRORS
from app.pages.charts.wording import day_of, listed, percent
from app.pages.wording.text import day, instant, number, plural
from app.pages.wording.words import ALERTS, title_of
from domain.alerts.expiry_stages import STAGES_DAYS
from domain.alerts.quota_stages import STAGES_PERCENT
from domain.leaks.reaction import Outcome
from domain.leaks.wording import OUTCOME_TEXTS
from domain.webhooks.events import DisabledBecause
from infrastructure.clock import now

_HOUR = timedelta(hours=1)


class Sentences(NamedTuple):
    """`subject` is followed by `happened`: “prod-server” · “made 1,204 requests …”. `rule` is empty if unknown."""

    title: str
    subject: str
    happened: str
    rule: str
    advice: str


class _Rule(Protocol):
    """The recorded numbers of a rule, with its texts."""

    title: ClassVar[str]
    advice: ClassVar[str]

    def happened(self) -> str: ...

    def rule(self) -> str: ...


class _Expiring(Struct):
    title: ClassVar[str] = "Key expires soon"
    advice: ClassVar[str] = "If the key is still needed, set a later date, or replace the key if it has expired."

    days: int
    expires_at: datetime

    def happened(self) -> str:
        # The date may have been changed since, so a date in the past does not mean that the key has expired.
        verb = "expires" if self.expires_at > now() else "was due to expire"
        return f"{verb} on {instant(self.expires_at)}."

    def rule(self) -> str:
        stages = listed([str(days) for days in STAGES_DAYS])
        return (
            f"This is the notice of {plural(self.days, 'day')}. Notices are given {stages} days before a key expires."
        )


class _Volume(Struct):
    title: ClassVar[str] = "Unusually many requests"
    advice: ClassVar[str] = "If you can't explain the requests, rotate the key. It may have leaked."

    hour: datetime
    requests: int
    usual: float
    limit: float
    hours_compared: int

    def happened(self) -> str:
        made = plural(self.requests, "request")
        return f"made {made} {_hour(self.hour)}. Usual for this hour of the week: {number(_whole(self.usual))}."

    def rule(self) -> str:
        compared = plural(self.hours_compared, "comparable hour")
        return f"Unusual volume: more than {number(_whole(self.limit))} requests, computed from {compared} of this key."


class _Errors(Struct):
    title: ClassVar[str] = "Unusually many errors"
    advice: ClassVar[str] = "Check the MCP server whose calls fail: the usage of the key names it."

    hour: datetime
    requests: int
    errors: int
    rate: float
    rate_at_least: float
    usual_rate: float
    limit: float

    def happened(self) -> str:
        failed = f"{number(self.errors)} of {plural(self.requests, 'request')} failed ({percent(self.rate)})"
        return f"had many errors: {failed} {_hour(self.hour)}. Usual: {percent(self.usual_rate)}."

    def rule(self) -> str:
        return (
            f"Error spike: an error rate above {percent(self.limit)}. With so many requests, the rate was at least "
            f"{percent(self.rate_at_least)}."
        )


class _Location(Struct):
    title: ClassVar[str] = "Used from a new location"
    advice: ClassVar[str] = (
        "If you have no client there, rotate the key. It may have leaked. To prevent such uses, restrict the key to "
        "known IP addresses."
    )

    place: str
    known_places: int
    learning_days: int
    at: datetime

    def happened(self) -> str:
        kind = "network" if set(self.place) & set(".:/") else "country"
        return f"was used from a new {kind}, {self.place}, on {instant(self.at)}."

    def rule(self) -> str:
        before = plural(self.known_places, "place")
        return (
            f"New location: the key had been used from {before} before. Uses during the first "
            f"{plural(self.learning_days, 'day')} of a key raise no alert."
        )


class _Dormant(Struct):
    title: ClassVar[str] = "Used after a long pause"
    advice: ClassVar[str] = "If you didn't expect this use, revoke the key. It may have leaked."

    unused_days: int
    last_used: datetime
    limit_days: int
    at: datetime

    def happened(self) -> str:
        pause = plural(self.unused_days, "day")
        return f"was used again after {pause} without use, {_hour(self.at)}. Before that: {day(self.last_used)}."

    def rule(self) -> str:
        return f"Dormant key: a use after {plural(self.limit_days, 'day')} or more without one."


class _Denied(Struct):
    title: ClassVar[str] = "Key refused repeatedly"
    advice: ClassVar[str] = (
        "Check the configuration of the client. The activity of the key shows where the requests came from."
    )

    denied: int
    most_frequent_reason: str
    minutes: int
    limit: int
    at: datetime

    def happened(self) -> str:
        most = f"Most frequent reason: {_reason(self.most_frequent_reason)}."
        return f"was refused {_times(self.denied)} {_within(self.minutes, self.at)}. {most}"

    def rule(self) -> str:
        return f"Refusals: {number(self.limit)} or more of one key within {plural(self.minutes, 'minute')}."


class _RevokedSecret(_Denied):
    title: ClassVar[str] = "Revoked secret still in use"
    advice: ClassVar[str] = "Find the client that still has the secret. The activity of the key shows its address."

    def happened(self) -> str:
        shown = _times(self.denied)
        return f"was presented {shown} with a revoked or replaced secret {_within(self.minutes, self.at)}."

    def rule(self) -> str:
        return (
            f"Revoked secret: {plural(self.limit, 'use')} or more of a secret that is no longer valid within "
            f"{plural(self.minutes, 'minute')}."
        )


class _Unknown(_Denied):
    title: ClassVar[str] = "Unknown keys from one address"
    advice: ClassVar[str] = "If you don't know the address, block it."

    address: str

    def happened(self) -> str:
        return f"sent {plural(self.denied, 'request')} with unknown keys {_within(self.minutes, self.at)}."

    def rule(self) -> str:
        return f"Unknown keys: {number(self.limit)} or more from one address within {plural(self.minutes, 'minute')}."


class _Leaked(Struct):
    title: ClassVar[str] = "Key found in public"
    advice: ClassVar[str] = (
        "Check in the activity of the key whether others used it. Replace the key in its clients, and delete it where "
        "it was found: also from the history of a repository."
    )

    source: str
    url: str
    secret_version: int
    outcome: Outcome

    def happened(self) -> str:
        where = f" at {self.url}" if self.url else ""
        return f"was found on {_SOURCES.get(self.source, self.source)}{where}. {OUTCOME_TEXTS[self.outcome].sentences}"

    def rule(self) -> str:
        return f"Found in public: secret {self.secret_version} of the key. The same place is reported once."


class _Quota(Struct):
    title: ClassVar[str] = "Monthly requests"
    advice: ClassVar[str] = "At 100 %, requests are refused until next month, or until the owner changes the plan."

    percentage: int
    used: int
    limit: int
    month: str

    def happened(self) -> str:
        used = f"{number(self.used)} of {plural(self.limit, 'request')}"
        return f"has used {self.percentage} % of the requests of {_month(self.month)}: {used}."

    def rule(self) -> str:
        return f"Monthly requests: raised at {listed([str(stage) for stage in STAGES_PERCENT])} % of the plan."


class _Webhook(Struct):
    title: ClassVar[str] = "Webhook disabled"
    advice: ClassVar[str] = "Repair the receiver, then set the status of the webhook to active."

    because: DisabledBecause
    failing_since: datetime | None

    def happened(self) -> str:
        if self.because == "gone":
            return "was disabled because its receiver responded with 410 Gone."
        if self.failing_since is None:
            return "was disabled because no delivery succeeded."
        return f"was disabled because no delivery has succeeded since {instant(self.failing_since)}."

    def rule(self) -> str:
        return "Disabled webhook: the receiver responded with 410 Gone, or no delivery succeeded for days."


_SOURCES = {"github": "GitHub"}

_RULES: Mapping[tuple[str, str], type[_Rule]] = {
    ("api_key.expiring", ""): _Expiring,
    ("api_key.unusual_volume", "volume"): _Volume,
    ("api_key.error_spike", "errors"): _Errors,
    ("api_key.new_location", "location"): _Location,
    ("api_key.dormant_used", "dormant"): _Dormant,
    ("api_key.denied_burst", "denied"): _Denied,
    ("api_key.denied_burst", "revoked_secret"): _RevokedSecret,
    ("api_key.denied_burst", "unknown"): _Unknown,
    ("api_key.leaked", ""): _Leaked,
    ("usage.threshold", ""): _Quota,
    ("webhook.disabled", ""): _Webhook,
}
"""The rules by type and name. Three of them raise `api_key.denied_burst`."""


def sentences_of(alert: Alert) -> Sentences:
    """Return the sentences about an alert."""
    known = _RULES.get((alert.type, str(alert.details.get("rule") or "")))
    subject, advice = _subject(alert), "" if known is None else known.advice
    numbers = None if known is None else _numbers(alert, known)
    if numbers is None:
        name = ALERTS.get(alert.type) or title_of(alert.type)
        return Sentences(name, subject, f"raised the alert “{name}”.", "", advice)
    return Sentences(numbers.title, subject, numbers.happened(), numbers.rule(), advice)


def _numbers(alert: Alert, rule: type[_Rule]) -> _Rule | None:
    """Return the numbers of the rule, or None if the alert doesn't have them."""
    try:
        return msgspec.convert(alert.details, rule)
    except msgspec.ValidationError:
        return None


def _subject(alert: Alert) -> str:
    if alert.key_id is not None:
        return alert.key_name or "A key"
    match alert.type:
        case "webhook.disabled":
            return "A webhook"
        case "api_key.denied_burst":
            return str(alert.details.get("address") or "An address")
        case _:
            return "The organization"


def _hour(start: datetime) -> str:
    return f"on {day_of(start)} from {start:%H:%M} to {start + _HOUR:%H:%M} UTC"


def _within(minutes: int, at: datetime) -> str:
    return f"within {plural(minutes, 'minute')}, until {instant(at)}"


def _times(count: int) -> str:
    return "once" if count == 1 else plural(count, "time")


def _whole(value: float) -> float:
    """Return the number without a decimal place that is zero."""
    return int(value) if value == int(value) else value


def _month(month: str) -> str:
    return f"{datetime.fromisoformat(f'{month}-01'):%B %Y}"


def _reason(code: str) -> str:
    known = ERRORS.get(code)
    return code if known is None else known.title.lower()
