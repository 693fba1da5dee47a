"""Thresholds of the anomaly rules. Every organization can set its own."""

from msgspec import Struct


class Thresholds(Struct, frozen=True, forbid_unknown_fields=True):
    """Thresholds of all rules. The defaults aim at few alerts: at most one per key and rule within `cooldown_hours`.

    `volume_*`: an hour is unusual if it has at least that many requests, that many times the usual count, and that many
    deviations above it. `errors_*`: the same for the error rate, of which the lower bound counts.
    `location_learning_days`: a younger key has no usual locations yet. `dormant_days`: a use after that many days
    without use is reported. `denied_*`: that many refusals within that many minutes. `revoked_secret_count`: that many
    uses of a secret that is no longer valid. `unknown_keys`: that many unknown keys from one address. The booleans
    switch a rule off.
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
