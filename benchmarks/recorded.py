"""Proof that the measured services did their work: every response has its use, and every use was counted."""

import re
from collections.abc import Sequence
from urllib.parse import urljoin

import httpx2
import psycopg

from benchmarks.request_costs import Service
from benchmarks.targets import Target

_UNCOUNTED = re.compile(r"^keyledger_rate_limit_failed_open_total(?:\{.*\})? ([\d.e+]+)$", re.MULTILINE)


class NotRecorded(RuntimeError):
    """The number of recorded uses does not match the number of responses: the figures mean nothing."""


def check_recorded(name: str, services: Sequence[Service], uses: int) -> None:
    """Compare the uses that `services` recorded with their responses. wrk may not have waited for the last ones."""
    answered = sum(service.answered for service in services)
    most = answered + sum(service.unanswered_max for service in services)
    if not answered <= uses <= most:
        raise NotRecorded(f"{name}: {uses:,} uses recorded, at least {answered:,} and at most {most:,} expected")
    print(f"{name}: {uses:,} uses recorded for {answered:,} responses", flush=True)


def accepted_uses(url: str) -> int:
    """Return the number of accepted uses in the log. The response to a refused verification has the status 200 too."""
    with psycopg.connect(url) as connection:
        statement = b"select count(*) from usage_events where code = 'valid'"
        (number,) = connection.execute(statement).fetchone() or (0,)
    return number


def uncounted(service: Service) -> Target:
    """Return the target for uses that passed without being counted, because Valkey was too slow."""
    found = _UNCOUNTED.findall(httpx2.get(urljoin(service.url, "/metrics"), trust_env=False).text)
    if not found:
        raise NotRecorded(f"{service.name} does not report the uses that were not counted")
    return Target(f"uncounted uses of {service.name}", sum(map(float, found)), 0, at_least=False)
