"""What counts as unusual. Every organization may have its own."""

from msgspec import Struct


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """The defaults are meant to be heard: a warning a key and rule within `cooldown_hours` at most.

    `volume_*`: an hour is unusual with that many requests at least, that many times the usual, and that many deviations
    above it. `errors_*`: likewise of the rate of errors, of which the lower bound counts. `location_learning_days`: a
    younger key has no usual places yet. `dormant_days`: unused for that long, a use is news. `denied_*`: so many
    refusals within so many minutes. `revoked_secret_count`: so many of a secret that is over. `unknown_keys`: so many
    keys that do not exist, from one address. Each rule can be switched off by its name.
    """

    volume: bool = True
    errors: bool = True
    location: bool = True
    dormant: bool = True
    denied: bool = True
    revoked_secret: bool = True
    unknown: bool = True

    volume_requests_min: int = 50
    volume_ratio: float = 3.0
    volume_deviations: float = 6.0
    errors_requests_min: int = 20
    errors_rate_min: float = 0.1
    errors_ratio: float = 3.0
    location_learning_days: int = 7
    dormant_days: int = 60
    denied_count: int = 20
    denied_minutes: int = 10
    revoked_secret_count: int = 2
    unknown_keys: int = 20
    cooldown_hours: int = 24


DEFAULTS = Thresholds()
