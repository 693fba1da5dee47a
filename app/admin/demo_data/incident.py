"""The incident of the demo data, three days before its end, and two smaller ones.

A key was printed in a public build log. Another client uses it from an unknown network: exports in a burst, then tools
and servers that the key may not reach. Alerts follow within minutes, and the on-call admin revokes the key as
compromised. The other client keeps trying, and is refused.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from app.admin.demo_data import northwind
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.keys import PlannedKey
from app.admin.demo_data.uses import Presentation
from domain.anomalies.denials import denied_burst, secret_over_used
from domain.anomalies.error_rate import error_spike
from domain.anomalies.finding import Finding
from domain.anomalies.hourly_counts import Hour
from domain.anomalies.location import new_location
from domain.anomalies.thresholds import DEFAULTS
from domain.anomalies.volume import unusual_volume
from domain.usage.events import CallStatus, Code

_STARTED_AGO = timedelta(days=3)
_REVOKED_AFTER = timedelta(minutes=52)
NOTE = "Printed in a public build log (INC-2041). 166 exports from an unknown network. Replaced by a narrower key."

_EXPORTS = 166
_REFUSED_TOOLS = 24
_REFUSED_SERVERS = 15
_AFTER_REVOCATION = 18
_FAILED_CALLS = 22
_WORKING_CALLS = 9
LEAK_USES = _EXPORTS + _REFUSED_TOOLS + _REFUSED_SERVERS + _AFTER_REVOCATION
"""Number of uses by the other client."""

_HOUR = timedelta(hours=1)
_RAISED_AFTER = timedelta(seconds=6)
"""Workers evaluate uses a few seconds after they were recorded."""


class Raised(NamedTuple):
    """A finding about a key, the instant of the alert, and what the finding is about: an hour, a minute or a use."""

    at: datetime
    key: PlannedKey
    finding: Finding
    subject_at: datetime


class Incident(NamedTuple):
    started_at: datetime
    uses: Sequence[Presentation]
    alerts: Sequence[Raised]


def revoked_at(ends_at: datetime) -> datetime:
    """Return when the leaked key is revoked."""
    return _leak_starts_at(ends_at) + _REVOKED_AFTER


def _leak_starts_at(ends_at: datetime) -> datetime:
    # Five minutes past a full hour, so that the burst is in one hour.
    return (ends_at - _STARTED_AGO).replace(hour=2, minute=5, second=0, microsecond=0)


def leak(dice: Dice, key: PlannedKey, drawn: Iterable[Presentation], ends_at: datetime) -> Incident:
    """Return the incident of `key`, whose other uses are `drawn`."""
    started_at = _leak_starts_at(ends_at)
    ip = f"{northwind.FOREIGN}.77"

    def at(first: float, last: float) -> datetime:
        return dice.instant(started_at + timedelta(minutes=first), started_at + timedelta(minutes=last))

    def use(at: datetime, server: northwind.Server, tool: str) -> Presentation:
        return Presentation(at, key, "call", server, tool, ip, northwind.UNKNOWN_PROGRAM)

    warehouse = northwind.WAREHOUSE
    first = use(started_at, warehouse, "list_tables")
    exports = [use(at(0.1, 34), warehouse, dice.one_of(("export_table", "run_query"))) for _ in range(_EXPORTS - 1)]
    tools = [use(at(18, 24), warehouse, "drop_table") for _ in range(_REFUSED_TOOLS)]
    others = [server for server in northwind.SERVERS if server is not warehouse]
    servers = [use(at(26, 48), *_any_tool(dice, others)) for _ in range(_REFUSED_SERVERS)]
    late = [use(at(52.5, 90), warehouse, "export_table") for _ in range(_AFTER_REVOCATION)]
    accepted = [each.at for each in drawn if each.key is key and each.at < started_at]
    accepted += [each.at for each in (first, *exports)]
    known = {_network(key.ip)}
    volume_at = started_at + timedelta(minutes=34)
    denied_at = started_at + timedelta(minutes=24)
    second = sorted(each.at for each in late)[1]
    found = [
        (first.at, new_location(known, _network(ip), key.created_at, first.at, DEFAULTS)),
        (denied_at, denied_burst(_within(tools, denied_at), DEFAULTS)),
        (volume_at, unusual_volume(_hours(accepted), key.created_at, _hour_of(started_at), DEFAULTS)),
        (second, secret_over_used({"revoked_key": 2}, DEFAULTS)),
    ]
    alerts = [Raised(when + _RAISED_AFTER, key, finding, when) for when, finding in found if finding is not None]
    return Incident(started_at, [first, *exports, *tools, *servers, *late], alerts)


def failing_server(dice: Dice, key: PlannedKey, ends_at: datetime) -> Incident:
    """Return an hour of yesterday in which most calls of the key failed."""
    started_at = (ends_at - timedelta(days=1)).replace(hour=14, minute=0, second=0, microsecond=0)

    def use(status: CallStatus) -> Presentation:
        at = dice.instant(started_at, started_at + timedelta(minutes=40))
        server = northwind.BROWSER
        call = Presentation(at, key, "call", server, dice.one_of(server.tools[:-1]), key.ip, key.user_agent)
        return call._replace(status=status)

    uses = [use("error") for _ in range(_FAILED_CALLS)] + [use("success") for _ in range(_WORKING_CALLS)]
    hours = {started_at: Hour(requests=len(uses), errors=_FAILED_CALLS)}
    finding = error_spike(hours, started_at, DEFAULTS)
    at = started_at + timedelta(minutes=41)
    return Incident(started_at, uses, [Raised(at, key, finding, started_at)] if finding else [])


def travel(dice: Dice, key: PlannedKey, ends_at: datetime) -> Incident:
    """Return uses of a person's key from the other office, which is a new network for the key."""
    started_at = (ends_at - timedelta(days=9)).replace(hour=9, minute=20, second=0, microsecond=0)
    other = next(office for office in northwind.OFFICES if not key.ip.startswith(office))
    ip = f"{other}.{dice.whole(2, 250)}"
    server = key.servers[0]
    instants = sorted(dice.instant(started_at, started_at + 7 * _HOUR) for _ in range(25))
    uses = [Presentation(at, key, "call", server, server.tools[0], ip, key.user_agent) for at in instants]
    finding = new_location({_network(key.ip)}, _network(ip), key.created_at, instants[0], DEFAULTS)
    at = instants[0]
    return Incident(started_at, uses, [Raised(at + _RAISED_AFTER, key, finding, at)] if finding else [])


def _any_tool(dice: Dice, servers: Sequence[northwind.Server]) -> tuple[northwind.Server, str]:
    server = dice.one_of(servers)
    return server, dice.one_of(server.tools)


def _within(uses: Sequence[Presentation], at: datetime) -> dict[Code, int]:
    """Return the refusals of the minutes that the rule looks at."""
    first = at - timedelta(minutes=DEFAULTS.denied_minutes)
    return {"tool_not_permitted": sum(first < use.at <= at for use in uses)}


def _hours(instants: Iterable[datetime]) -> dict[datetime, Hour]:
    requests: dict[datetime, int] = {}
    for at in instants:
        requests[_hour_of(at)] = requests.get(_hour_of(at), 0) + 1
    return {hour: Hour(requests=number) for hour, number in requests.items()}


def _hour_of(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)


def _network(ip: str) -> str:
    """Return the network of an address as the anomaly rules see it: a /24 of IPv4, a /48 of IPv6."""
    return f"{northwind.CLOUD}::/48" if ":" in ip else f"{ip.rpartition('.')[0]}.0/24"
