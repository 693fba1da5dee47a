"""The schedule of rq's cron, collected from the modules of `workers/jobs`.

`workers/fair_order.py` decides in which order a worker serves the queues.
"""

from importlib import import_module
from pkgutil import iter_modules

import workers.jobs
from workers.job import Job


def _declared() -> tuple[Job, ...]:
    modules = [
        import_module(f"{workers.jobs.__name__}.{module.name}") for module in iter_modules(workers.jobs.__path__)
    ]
    return tuple(module.JOB for module in modules)


SCHEDULE = _declared()

QUEUES = tuple(job.name for job in SCHEDULE)
SHARED_QUEUES = tuple(job.name for job in SCHEDULE if not job.isolated)
ISOLATED_QUEUES = tuple(job.name for job in SCHEDULE if job.isolated)
