"""Whether the service runs and can do its work."""

from keyledger.call import Call, Repeat, data_of
from keyledger.models.health import Liveness, Readiness

_live = data_of(Liveness)
_ready = data_of(Readiness)


def live() -> Call[Liveness]:
    """Whether the process answers."""
    return Call("GET", "/health/live", _live)


def ready() -> Call[Readiness]:
    """Whether everything needed is there, and what is not. Asked once: not being ready is an answer too."""
    return Call("GET", "/health/ready", _ready, repeat=Repeat.NEVER, answers=frozenset({503}))
