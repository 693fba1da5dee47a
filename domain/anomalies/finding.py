"""What a rule says: which alert, how grave, and the numbers that fired it."""

from typing import Literal

from msgspec import Struct

from domain.alerts.events import AlertType, Number, Severity

Rule = Literal["volume", "errors", "location", "dormant", "denied", "revoked_secret", "unknown_keys"]
"""Each cools down by itself, also where two of them raise alerts of one type."""


class Finding(Struct, frozen=True):
    rule: Rule
    type: AlertType
    severity: Severity
    numbers: dict[str, Number]

    @property
    def switch(self) -> str:
        """The name by which an organization switches the rule off, and by which alerts name it."""
        return "unknown" if self.rule == "unknown_keys" else self.rule
