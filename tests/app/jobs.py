"""Jobs of the workers, run once for a test."""

import os
import subprocess
import sys

from tests.app.organizations import Api
from tests.app.serving import ROOT
from tests.waiting import stretched


def run_jobs(api: Api, *jobs: str, **settings: str) -> None:
    """Run jobs of the workers in a separate process that writes to the log of the API."""
    modules = "; ".join(f"from workers.jobs.{job} import {job}; {job}()" for job in jobs)
    environment = {
        **os.environ,
        "DATABASE_URL": api.server.database_url,
        "REDIS_URL": api.server.redis_url,
        "KEYLEDGER_MASTER_KEY": api.server.master_key,
        "KEYLEDGER_EGRESS_ALLOW": "127.0.0.0/8",
        **settings,
    }
    program = f"from infrastructure.log_format import configure_logging; configure_logging(); {modules}"
    with api.server.log.open("ab") as log:
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env=environment,
            stdout=log,
            stderr=log,
            check=True,
            timeout=stretched(60),
        )
