"""The finding of a rule: the alert to raise, its severity, and the figures that triggered it."""

from typing import Literal

from msgspec import Struct

from domain.alerts.events import AlertType, Number, Severity

Rule = Literal["volume", "errors", "location", "dormant", "denied", "revoked_secret", "unknown_keys"]
"""Each rule has a separate cooldown, even if two rules raise alerts of the same type."""


class Finding(Struct, frozen=True):
    rule: Rule
    type: AlertType
    severity: Severity
    numbers: dict[str, Number]

    @property
    def switch(self) -> str:
        """Return the name with which an organization switches the rule off and which alerts contain."""
        return "unknown" if self.rule == "unknown_keys" else self.rule
