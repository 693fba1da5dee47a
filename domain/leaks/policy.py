"""The choice of an organization for keys that are found in public: the setting `leaked_keys`."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, get_args

SETTING: Final = "leaked_keys"

Policy = Literal["disable", "revoke", "alert"]
"""disable: until a person enables the key again · revoke: permanently · alert: only tell people."""

POLICIES: Final[tuple[Policy, ...]] = get_args(Policy)
DEFAULT: Final[Policy] = "disable"
"""It stops the attacker, and a person can undo it if the report was about a key that is meant to be public."""

_BY_VALUE: Final[Mapping[object, Policy]] = {policy: policy for policy in POLICIES}


def policy_of(settings: Mapping[str, object]) -> Policy:
    """Return the policy of an organization with these settings. A value of another version counts as not set."""
    return _BY_VALUE.get(settings.get(SETTING), DEFAULT)


def validate(settings: Mapping[str, object]) -> Iterator[str]:
    """Yield a sentence if the setting has another value."""
    if SETTING in settings and settings[SETTING] not in POLICIES:
        yield f"{SETTING} must be one of {', '.join(POLICIES)}"
