"""The variants of verification and the services with which it is compared, all running on the same servers."""

from collections.abc import Collection, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import NamedTuple

from benchmarks.limited import with_limits, without_limits
from benchmarks.peers import serving_peer
from benchmarks.prepared import Prepared
from benchmarks.request_costs import Service
from benchmarks.serving import Serving, serving

ONE = "keyledger"
ONE_LIMITED = "keyledger-limits"
TWO = "keyledger-2"
TWO_LIMITED = "keyledger-2-limits"
HAND_WRITTEN = "hand-written"
BARE = "bare"
FRAMEWORK = "framework"
EDGE = "edge"


class Verification(NamedTuple):
    """A variant of verification: the number of API processes, and whether limits are counted."""

    processes: int
    limited: bool


VERIFYING = {
    ONE: Verification(1, limited=False),
    ONE_LIMITED: Verification(1, limited=True),
    TWO: Verification(2, limited=False),
    TWO_LIMITED: Verification(2, limited=True),
}

_PEERS = {HAND_WRITTEN: ("hand_written", "/verify"), BARE: ("bare", "/"), FRAMEWORK: ("empty", "/empty")}

VARIANTS = (*VERIFYING, *_PEERS, EDGE)


@contextmanager
def running(names: Collection[str], prepared: Prepared) -> Generator[list[Service]]:
    """Start the services with these names, in the order of `VARIANTS`, and stop them at the end."""
    with ExitStack() as stack:
        found: list[Service] = []
        for name in VARIANTS:
            if name in VERIFYING and name in names:
                api = stack.enter_context(_api(name, prepared))
                found.append(Service(name, f"{api.url}/v1/api-keys/verify", api.pid, prepared.script))
            elif name in _PEERS and name in names:
                module, path = _PEERS[name]
                log = prepared.folder / f"{name}.log"
                peer = stack.enter_context(serving_peer(module, log, database_url=prepared.hand_written_url))
                found.append(Service(name, f"{peer.url}{path}", peer.pid, prepared.script))
            elif name == EDGE and name in names:
                api = stack.enter_context(_api(ONE, prepared))
                found.append(Service(name, f"{api.url}/health/live", api.pid))
        yield found


def _api(name: str, prepared: Prepared) -> AbstractContextManager[Serving]:
    processes, limited = VERIFYING[name]
    settings = with_limits(prepared.valkey.url) if limited else without_limits()
    return serving(prepared.postgres.url, processes, prepared.folder / f"{name}.log", settings=settings)
