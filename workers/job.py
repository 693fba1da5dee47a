"""Declaration of a job. Each module of `workers/jobs` has one, `JOB`, and `workers/schedule.py` collects them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Job:
    """A function that rq runs by its name every `every` seconds. Its queue has the same name.

    `isolated`: the job may wait for seconds for external servers, a disk or a large page of the log. It has its own
    worker process, so that short jobs such as the expiry of keys never wait behind it. `seconds_max`: how long one run
    may take before rq stops it.
    """

    run: Callable[[], None]
    every: int
    isolated: bool = False
    seconds_max: int = 60

    @property
    def name(self) -> str:
        return self.run.__name__
