"""The uses of the demo data: who presents which key, when, for what, and the decision that follows from its state."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from itertools import accumulate, groupby
from typing import NamedTuple

from msgspec.structs import replace

from app.admin.demo_data import northwind
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.keys import GATEWAY_NAME, UNUSED, Ids, PlannedKey
from app.admin.demo_data.northwind import Server
from domain.grants import Grant
from domain.keys.state import Existing
from domain.secret import digest
from domain.usage.decision import AccessRequest, McpFacts, decide
from domain.usage.events import Action, CallCompleted, CallStatus, KeyUsed, UsageEvent
from domain.usage.quota import is_billed

DAYS = 30
"""Length of the period with uses."""

_HOUR = timedelta(hours=1)
_PER_MOMENT = 8
"""Average number of uses of one instant. Concurrent uses share a batch and its instant, as in group commit."""

_CALLED_IN_SECONDS = 4.0
"""Calls of one moment that end within this time are recorded together."""

_NIGHT = 0.12
_WEEKEND = 0.25
_WORK_STARTS, _WORK_ENDS = 7, 18
_SATURDAY = 5

_FOREIGN_TOOL = 0.012
_FOREIGN_SERVER = 0.006
_FOREIGN_ADDRESS = 0.004
_AFTER_ITS_END = 0.35
_UNKNOWN_KEY = 0.003
_RATE_LIMITED = 0.02
_NEVER_ENDED = 0.0004
"""Shares of uses that are refused, and of calls without a recorded end."""

_GRANTS_USED: tuple[Grant, ...] = ("keys:read", "usage:read", "audit:read", "mcps:read")


class Presentation(NamedTuple):
    """A key that is presented. `key` None: a secret that belongs to no key. `status`: the end of the call, if given."""

    at: datetime
    key: PlannedKey | None
    action: Action
    server: Server | None
    tool: str | None
    ip: str
    user_agent: str
    grant: Grant | None = None
    status: CallStatus | None = None


class Moment(NamedTuple):
    """Events of one instant: one batch of the log."""

    at: datetime
    events: Sequence[UsageEvent]


States = Mapping[str, Sequence[tuple[datetime, Existing]]]
"""The states of each key, and since when it had them."""


def draw(dice: Dice, keys: Sequence[PlannedKey], number: int, ends_at: datetime) -> list[Presentation]:
    """Return `number` uses of the last `DAYS` days, with working hours and quiet weekends, oldest first."""
    crowd = _Crowd(dice, keys, ends_at)
    moments = crowd.moments(max(1, number // _PER_MOMENT))
    extra = [dice.whole(0, len(moments) - 1) for _ in range(number - len(moments))]
    return [crowd.presentation(moments[each]) for each in sorted([*range(len(moments)), *extra])]


def old_uses(dice: Dice, keys: Sequence[PlannedKey], ends_at: datetime) -> list[Presentation]:
    """Return the last uses of keys that are idle since before the month. They all were in the same hours."""
    found: list[Presentation] = []
    for fate, days in (("idle", 44), ("long idle", 99)):
        start = (ends_at - timedelta(days=days)).replace(hour=9, minute=0, second=0, microsecond=0)
        for key in keys:
            if key.fate == fate:
                found += [_call(dice, key, dice.instant(start, start + 8 * _HOUR)) for _ in range(dice.whole(2, 9))]
    return found


class _Crowd:
    """All keys in use, with the weights by which they are drawn: some are programs, which also work at night."""

    def __init__(self, dice: Dice, keys: Sequence[PlannedKey], ends_at: datetime) -> None:
        self._dice = dice
        self._ends_at = ends_at
        self._keys = [key for key in keys if key.weight > 0 and key.fate not in UNUSED]
        self._always = [key for key in self._keys if key.fate == "used" and not key.is_person]
        self._managers = [key for key in keys if key.permissions.manage and key.name != GATEWAY_NAME]
        self._by_day = list(accumulate(key.weight for key in self._keys))
        self._by_night = list(accumulate(key.weight * (0.03 if key.is_person else 1) for key in self._keys))

    def moments(self, number: int) -> list[datetime]:
        start = self._ends_at - timedelta(days=DAYS)
        hours = [start + hour * _HOUR for hour in range(DAYS * 24)]
        sums = list(accumulate(_busyness(hour) for hour in hours))
        drawn = [self._dice.weighted(hours, sums) for _ in range(number)]
        return sorted(self._dice.instant(hour, hour + _HOUR) for hour in drawn)

    def presentation(self, at: datetime) -> Presentation:
        dice = self._dice
        if dice.chance(_UNKNOWN_KEY):
            ip = f"{northwind.OFFICES[0]}.{dice.whole(2, 250)}"
            return Presentation(at, None, "verify", dice.one_of(northwind.SERVERS), None, ip, northwind.UNKNOWN_PROGRAM)
        if self._managers and dice.chance(0.03):
            key = dice.one_of(self._managers)
            if key.created_at < at:
                grants: tuple[Grant, ...] = (*key.permissions.manage, dice.one_of(_GRANTS_USED))
                grant = dice.one_of(grants)
                return Presentation(at, key, "manage", None, None, key.ip, key.user_agent, grant)
        return self._varied(self._key(at), at)

    def _key(self, at: datetime) -> PlannedKey:
        dice = self._dice
        sums = self._by_day if _is_working_time(at) else self._by_night
        for _ in range(20):
            key = dice.weighted(self._keys, sums)
            if key.created_at >= at:
                continue
            stopped = key.stops_at
            # Clients of a key that was stopped notice it within days.
            if stopped is None or at < stopped or (at - stopped < timedelta(days=3) and dice.chance(_AFTER_ITS_END)):
                return key
        return next(key for key in dice.shuffled(self._always) if key.created_at < at)

    def _varied(self, key: PlannedKey, at: datetime) -> Presentation:
        """Return a use of the key, which rarely is one that it is not permitted."""
        dice = self._dice
        use = _call(dice, key, at)
        kind = dice.between(0, 1)
        if use.server is not None and (kind := kind - _FOREIGN_TOOL) < 0:
            use = use._replace(tool=use.server.tools[-1])
        elif (kind := kind - _FOREIGN_SERVER) < 0:
            server = dice.one_of(northwind.SERVERS)
            use = use._replace(server=server, tool=server.tools[0])
        elif key.allowed_ips and kind < _FOREIGN_ADDRESS * 10:
            use = use._replace(ip=f"{northwind.OFFICES[1]}.{dice.whole(2, 250)}")
        return use


def _call(dice: Dice, key: PlannedKey, at: datetime) -> Presentation:
    """Return a use of the key for one of its servers and tools."""
    action: Action = dice.weighted(("call", "verify", "check"), (0.62, 0.9, 1.0))  # type: ignore[assignment]
    server = dice.one_of(key.servers)
    rule = key.permissions.tools
    tools = [tool for tool in server.tools[:-1] if all(each.permits(tool) for each in rule.values())] or server.tools
    return Presentation(at, key, action, server, dice.one_of(tools), key.ip, key.user_agent)


def _busyness(hour: datetime) -> float:
    if hour.weekday() >= _SATURDAY:
        return _WEEKEND * (1 if _WORK_STARTS <= hour.hour < _WORK_ENDS else _NIGHT * 2)
    if not _WORK_STARTS <= hour.hour < _WORK_ENDS:
        return _NIGHT
    # Fewer uses at noon, and a slow start and end of the day.
    return {7: 0.4, 8: 0.8, 12: 0.7, 17: 0.6}.get(hour.hour, 1.0)


def _is_working_time(at: datetime) -> bool:
    return at.weekday() < _SATURDAY and _WORK_STARTS <= at.hour < _WORK_ENDS


@dataclass(frozen=True, slots=True)
class Decisions:
    """Decides presentations as the API does, by the states that the keys had, and returns the events in batches."""

    dice: Dice
    organization_id: str
    ids: Ids
    gateway: PlannedKey
    states: States
    ends_at: datetime

    def moments(self, presentations: Sequence[Presentation]) -> list[Moment]:
        """Return all events. The presentations of one instant are one batch; the ends of calls follow.

        Calls that would end after the history have no end.
        """
        found: list[Moment] = []
        for at, together in groupby(sorted(presentations, key=lambda use: use.at), key=lambda use: use.at):
            uses = list(together)
            events = [
                self._event(use, each_id) for use, each_id in zip(uses, self._event_ids(len(uses), at), strict=True)
            ]
            found.append(Moment(at, events))
            found += self._ends(list(zip(uses, events, strict=True)))
        return sorted((moment for moment in found if moment.at < self.ends_at), key=lambda moment: moment.at)

    def _event_ids(self, count: int, at: datetime) -> list[str]:
        return self.dice.event_ids(count, at)

    def _event(self, use: Presentation, event_id: str) -> KeyUsed:
        mcp_id = None if use.server is None else self.ids.servers[use.server.path]
        presented = AccessRequest(
            self._digest(use),
            use.action,
            mcp_id=mcp_id,
            tool=use.tool,
            grant=use.grant,
            ip=use.ip,
        )
        mcp = None if use.server is None or mcp_id is None else self._facts(use.server, mcp_id)
        decision = decide(presented, self._state(use), mcp, use.at)
        limited = use.key is not None and use.key.rate_limit is not None and self.dice.chance(_RATE_LIMITED)
        code = "rate_limited" if decision.accepted and limited else decision.code
        key = decision.key
        return KeyUsed(
            id=event_id,
            occurred_at=use.at,
            action=use.action,
            code=code,
            organization_id=self.organization_id,
            key_id=None if key is None else key.id,
            revision=None if key is None else key.revision,
            secret_version=decision.secret_version,
            mcp_id=mcp_id,
            tool=use.tool,
            ip=use.ip,
            user_agent=use.user_agent,
            caller_key_id=self.gateway.key_id if use.action == "verify" else None,
            billed=code == "valid" and key is not None and is_billed(use.action, key),
        )

    def _digest(self, use: Presentation) -> bytes:
        """Return the digest of the newest secret. While two are accepted, some clients still have the earlier one."""
        if use.key is None:
            return sha256(self.dice.entropy(8)).digest()
        secret = use.key.secret
        for rotation in use.key.rotations:
            late = use.at < rotation.until and self.dice.chance(0.4)
            if use.at > rotation.at and not late:
                secret = rotation.secret
        return digest(secret)

    def _state(self, use: Presentation) -> Existing | None:
        if use.key is None:
            return None
        states = self.states[use.key.key_id]
        number = bisect_right(states, use.at, key=lambda each: each[0])
        return states[number - 1][1] if number else None

    def _facts(self, server: Server, mcp_id: str) -> McpFacts:
        return McpFacts(mcp_id, self.organization_id, server.environment)

    def _ends(self, uses: Sequence[tuple[Presentation, KeyUsed]]) -> Iterator[Moment]:
        """Yield the ends of the calls of one instant: those that end soon together, and each other one alone."""
        soon: list[CallCompleted] = []
        for use, event in uses:
            if event.action != "call" or event.code != "valid" or use.server is None or self.dice.chance(_NEVER_ENDED):
                continue
            ended = self._end(use, use.server, event)
            if ended.latency_ms > _CALLED_IN_SECONDS * 1000:
                yield _at(use.at + timedelta(milliseconds=ended.latency_ms), [ended], self._event_ids)
            else:
                soon.append(ended)
        if soon:
            latest = max(ended.latency_ms for ended in soon)
            yield _at(uses[0][0].at + timedelta(milliseconds=latest), soon, self._event_ids)

    def _end(self, use: Presentation, server: Server, event: KeyUsed) -> CallCompleted:
        dice = self.dice
        failed = use.status == "error" or (use.status is None and dice.chance(server.error_rate))
        timed_out = failed and dice.chance(0.3)
        return CallCompleted(
            id="",
            occurred_at=use.at,
            call_id=event.id,
            organization_id=self.organization_id,
            key_id=event.key_id or "",
            mcp_id=event.mcp_id or "",
            tool=use.tool or "",
            status="error" if failed else "success",
            latency_ms=30_000 if timed_out else max(3, round(dice.around(server.latency_ms, 0.55))),
            response_bytes=0 if failed else round(dice.around(2_400, 1.1)),
            error=None if not failed else "mcp_timeout" if timed_out else "mcp_error",
        )


def _at(at: datetime, ended: Sequence[CallCompleted], ids: Callable[[int, datetime], list[str]]) -> Moment:
    events = [
        replace(each, id=event_id, occurred_at=at) for each, event_id in zip(ended, ids(len(ended), at), strict=True)
    ]
    return Moment(at, events)
