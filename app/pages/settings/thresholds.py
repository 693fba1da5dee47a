"""The thresholds of the anomaly rules as fields of a form, one group for each rule."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from app.pages.fields import Fields
from domain.anomalies.settings import PREFIX, RANGES
from domain.anomalies.thresholds import DEFAULTS, Thresholds

_NUMBER = re.compile(r"[0-9]{1,15}(\.[0-9]{1,15})?|\.[0-9]{1,15}")


class Number(NamedTuple):
    """`name` is that of the threshold."""

    name: str
    label: str


class Rule(NamedTuple):
    """`switch` is the threshold that switches the rule on; empty for numbers that several rules share."""

    switch: str
    title: str
    explanation: str
    numbers: tuple[Number, ...]


RULES = (
    Rule(
        "volume",
        "Unusual volume",
        "An hour with far more requests than usual.",
        (
            Number("volume_requests_min", "Minimum requests in the hour"),
            Number("volume_ratio", "Minimum multiple of the usual"),
            Number("volume_deviations", "Minimum deviations above usual"),
        ),
    ),
    Rule(
        "errors",
        "Unusual errors",
        "An hour with far more errors than usual.",
        (
            Number("errors_requests_min", "Minimum requests in the hour"),
            Number("errors_rate_min", "Minimum share of errors, 0 to 1"),
            Number("errors_ratio", "Minimum multiple of the usual"),
        ),
    ),
    Rule(
        "location",
        "New location",
        "A use from a country or network that the key never had.",
        (Number("location_learning_days", "Learning days of a new key"),),
    ),
    Rule(
        "dormant",
        "Use after a pause",
        "A use of a key that was unused for long.",
        (Number("dormant_days", "Days without use"),),
    ),
    Rule(
        "denied",
        "Refusals",
        "Many refusals of one key in a short time.",
        (
            Number("denied_count", "Minimum refusals"),
            Number("denied_minutes", "Within this many minutes"),
        ),
    ),
    Rule(
        "revoked_secret",
        "Secrets that no longer work",
        "Someone still uses a revoked or replaced secret.",
        (Number("revoked_secret_count", "Minimum uses"),),
    ),
    Rule(
        "unknown",
        "Unknown keys",
        "One address tries many keys that don't exist.",
        (Number("unknown_keys", "Minimum unknown keys"),),
    ),
    Rule("", "All rules", "", (Number("cooldown_hours", "Hours until the same alert again"),)),
)


class ShownRule(NamedTuple):
    rule: Rule
    is_on: bool
    numbers: list[tuple[Number, str]]


def shown(thresholds: Thresholds) -> list[ShownRule]:
    """Return the rules with their values as texts."""
    return [
        ShownRule(
            rule,
            bool(getattr(thresholds, rule.switch)) if rule.switch else True,
            [(number, f"{getattr(thresholds, number.name):g}") for number in rule.numbers],
        )
        for rule in RULES
    ]


def as_entered(fields: Fields) -> list[ShownRule]:
    """Return the rules with what the user entered."""
    return [
        ShownRule(
            rule,
            not rule.switch or rule.switch in fields,
            [(number, fields.one(number.name)) for number in rule.numbers],
        )
        for rule in RULES
    ]


def settings_in(fields: Fields, stored: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Return all settings with the entered thresholds, and a message for each number that cannot be read.

    A threshold with its default is not stored, so that it follows a better default of a later version.
    """
    settings = {name: value for name, value in stored.items() if not name.startswith(PREFIX)}
    errors: dict[str, str] = {}
    for rule in RULES:
        if rule.switch and rule.switch not in fields:
            settings[PREFIX + rule.switch] = False
        for number in rule.numbers:
            value = _number(fields.one(number.name).strip(), number.name)
            if value is None:
                least, most = RANGES[number.name]
                errors[number.name] = f"Must be a number from {least:,} to {most:,}."
            elif value != getattr(DEFAULTS, number.name):
                settings[PREFIX + number.name] = value
    return settings, errors


def _number(text: str, name: str) -> float | None:
    """Return the number in its range, whole if the default is whole. Python itself also reads "1_000" and "nan"."""
    is_whole = text.isdecimal()
    if _NUMBER.fullmatch(text) is None or (isinstance(getattr(DEFAULTS, name), int) and not is_whole):
        return None
    value = int(text) if is_whole else float(text)
    least, most = RANGES[name]
    return value if least <= value <= most else None
