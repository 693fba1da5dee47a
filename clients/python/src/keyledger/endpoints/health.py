"""Liveness and readiness of the service."""

from keyledger.call import Call, Repeat, data_of
from keyledger.models.health import Liveness, Readiness

_live = data_of(Liveness)
_ready = data_of(Readiness)


def get_liveness() -> Call[Liveness]:
    """Return whether the process responds."""
    return Call("GET", "/health/live", _live)


def get_readiness() -> Call[Readiness]:
    """Return the readiness of each dependency. The call is never retried, because "not ready" is a result too."""
    return Call("GET", "/health/ready", _ready, repeat=Repeat.NEVER, answers=frozenset({503}))
