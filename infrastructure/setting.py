"""The declaration of a setting, and the names that settings had before. The table is `infrastructure/settings.py`."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum

from infrastructure.setting_values import Parser

FORMER_NAMES: Mapping[str, str] = {
    "KEYLEDGER_LOG_ACCESS": "KEYLEDGER_ACCESS_LOG",
    "KEYLEDGER_PATIENCE_SECONDS": "KEYLEDGER_REQUEST_TIMEOUT_SECONDS",
    "KEYLEDGER_REDIS_PATIENCE_SECONDS": "KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS",
    "KEYLEDGER_UPSTREAM_ALLOW": "KEYLEDGER_EGRESS_ALLOW",
    "KEYLEDGER_USAGE_EXPORT": "KEYLEDGER_USAGE_EXPORT_DIR, or KEYLEDGER_USAGE_DISCARD=true instead of the word discard",
}
"""A process that ignored one of these would run with a default that its operator did not choose."""


class InvalidSetting(Exception):
    """A setting is missing or not valid. The message names the variable and repeats no password."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


class Process(Enum):
    """A program that reads settings, as the table in docs/configuration.md names it."""

    API = "API"
    WORKERS = "workers"
    MAKE_RUN = "`make run`"
    DATABASE_COMMANDS = "`python -m eventstore`, `python -m projections`"


API, WORKERS, MAKE_RUN, DATABASE_COMMANDS = Process
BOTH = (API, WORKERS)


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. The default is that of the field, and `default_text` describes it where needed.

    `remedy` completes the message that a required variable is not set. `required_with` names a variable that makes this
    one required. `in_containers`: whether compose.yaml passes it on.
    """

    name: str
    parse: Parser
    readers: Collection[Process]
    help: str
    default_text: str | None = None
    required_by: Collection[Process] = ()
    required_with: str | None = None
    remedy: str = ""
    in_containers: bool = True

    def value(self, given: str) -> object:
        """Return the parsed value. Raise `InvalidSetting`."""
        try:
            return self.parse(given)
        except ValueError as error:
            raise InvalidSetting(self.name, str(error)) from None

    def require(self, reader: Process, given: Mapping[str, str]) -> None:
        """Raise `InvalidSetting` if `reader` cannot start because this variable is not set."""
        if self.name in given:
            return
        if self.required_with in given:
            raise InvalidSetting(self.name, f"is not set, but {self.required_with} requires it. {self.remedy}")
        if reader in self.required_by:
            raise InvalidSetting(self.name, f"is not set. {self.remedy}")


def refuse_former_names(given: Mapping[str, str]) -> None:
    """Raise `InvalidSetting` for a variable that was renamed."""
    for former, name in FORMER_NAMES.items():
        if former in given:
            raise InvalidSetting(former, f"was renamed. Set {name}")
