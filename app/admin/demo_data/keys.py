"""The keys of the demo data: what each may do, who uses it, and what happens to it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from typing import Literal, NamedTuple

from app.admin.demo_data import northwind
from app.admin.demo_data.dice import Dice
from app.admin.demo_data.northwind import Person, Server
from domain.environment import Environment
from domain.grants import GRANTS, Grant
from domain.keys.events import RateLimit
from domain.keys.permissions import Permissions, ToolRule
from domain.secret import ENTROPY_BYTES, Secret, generate

Fate = Literal[
    "used",
    "never used",
    "idle",
    "long idle",
    "expiring",
    "expiring later",
    "expired",
    "disabled",
    "revoked",
    "rotated",
    "rotating",
    "of the leaver",
    "leaked",
    "replacement",
]
FATES: dict[Fate, int] = {
    "used": 149,
    "never used": 22,
    "idle": 6,
    "long idle": 6,
    "expiring": 12,
    "expiring later": 14,
    "expired": 21,
    "disabled": 9,
    "revoked": 33,
    "rotated": 18,
    "rotating": 5,
    "of the leaver": 3,
    "leaked": 1,
    "replacement": 1,
}
"""Number of keys, by what happens to them until the end of the history."""

UNUSED: frozenset[Fate] = frozenset({"never used", "idle", "long idle"})
"""Keys without a use in the month."""

LEAKED_NAME = "data warehouse nightly export"
GATEWAY_NAME = "API gateway (verifies keys)"

_DAYS: dict[Fate, tuple[float, float]] = {
    "never used": (120, 8),
    "idle": (118, 50),
    "long idle": (140, 106),
    "disabled": (130, 48),
    "revoked": (130, 62),
    "rotated": (130, 33),
    "rotating": (130, 33),
    "of the leaver": (136, 40),
    "leaked": (112, 110),
    "replacement": (2.2, 2.1),
}
"""Days between the creation of a key and the end of the history: at most, and at least."""

_USED_DAYS = (137.0, 2.0)
_LIFETIMES_DAYS = (30, 60, 90)


class Rotation(NamedTuple):
    """A rotation. Until `until`, the earlier secret is accepted too."""

    at: datetime
    until: datetime
    secret: Secret


@dataclass(slots=True)
class PlannedKey:
    """A key and its use. `ends_at`: when it is revoked or disabled. `weight`: its share of the drawn uses."""

    key_id: str
    fate: Fate
    name: str
    environment: Environment
    creator: Person
    created_at: datetime
    secret: Secret
    permissions: Permissions
    servers: tuple[Server, ...]
    ip: str
    user_agent: str
    is_person: bool
    weight: float
    description: str = ""
    expires_at: datetime | None = None
    rate_limit: RateLimit | None = None
    allowed_ips: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    ends_at: datetime | None = None
    rotations: list[Rotation] = field(default_factory=list[Rotation])

    @property
    def stops_at(self) -> datetime | None:
        """Return the first instant at which the key is no longer accepted, or None."""
        ends = [end for end in (self.expires_at, self.ends_at) if end is not None]
        return min(ends, default=None)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of people, by address, and of servers, by path."""

    people: dict[str, str]
    servers: dict[str, str]


def plan_keys(dice: Dice, secrets: Callable[[int], bytes], ids: Ids, ends_at: datetime) -> list[PlannedKey]:
    """Return the keys, oldest first. `secrets` returns the random bytes of their secrets."""
    fates: list[Fate] = [fate for fate, number in FATES.items() for _ in range(number)]
    names = _names(dice)
    planner = _Planner(dice, secrets, ids, ends_at)
    keys = [planner.key(fate, next(names)) for fate in dice.shuffled(fates)]
    _appoint_managers([key for key in keys if key.fate == "used" and key.environment == "live"])
    return sorted(keys, key=lambda key: key.created_at)


def _names(dice: Dice) -> Iterator[str]:
    pairs = [f"{team} {purpose}" for team, purpose in product(northwind.TEAMS, northwind.PURPOSES)]
    # A stride keeps the special names apart, so that each page of a list has a few.
    plain = dice.some_of(pairs, sum(FATES.values()))
    for number, name in enumerate(plain):
        special, rest = divmod(number, 9)
        yield northwind.SPECIAL_NAMES[special] if rest == 0 and special < len(northwind.SPECIAL_NAMES) else name


@dataclass(slots=True)
class _Planner:
    dice: Dice
    secrets: Callable[[int], bytes]
    ids: Ids
    ends_at: datetime

    def key(self, fate: Fate, name: str) -> PlannedKey:
        dice = self.dice
        leaked = fate in {"leaked", "replacement"}
        is_test = not leaked and dice.chance(0.16)
        environment: Environment = "test" if is_test else "live"
        created_at, expires_at = self._lifetime(fate)
        is_person = not leaked and fate != "rotating" and dice.chance(0.45)
        servers = (northwind.WAREHOUSE,) if leaked else self._servers(environment)
        key = PlannedKey(
            key_id=dice.id_of("key", created_at),
            fate=fate,
            name=_named(fate, name),
            environment=environment,
            creator=self._creator(fate, created_at),
            created_at=created_at,
            expires_at=expires_at,
            secret=generate(environment, self.secrets(ENTROPY_BYTES)),
            permissions=self._permissions(fate, servers),
            servers=servers,
            ip=self._address(is_person=is_person),
            user_agent=dice.one_of(northwind.ASSISTANTS if is_person else northwind.PROGRAMS),
            is_person=is_person,
            weight=0.0 if fate in UNUSED or leaked else dice.around(1.0, 1.3),
            description=dice.one_of(northwind.DESCRIPTIONS),
            rate_limit=RateLimit(dice.one_of((1, 5, 10, 50))) if dice.chance(0.17) else None,
            metadata={"team": name.partition(" ")[0]} if dice.chance(0.3) else {},
        )
        if leaked:
            key.weight, key.rate_limit = 0.9, None
            key.description = "In the secrets of the export pipeline."
        if fate == "replacement" or (not leaked and dice.chance(0.13)):
            key.allowed_ips = (_network_of(key.ip),)
        self._end(key)
        return key

    def before_end(self, days: float) -> datetime:
        at = self.ends_at - timedelta(days=days)
        return at.replace(microsecond=at.microsecond // 1000 * 1000)

    def _lifetime(self, fate: Fate) -> tuple[datetime, datetime | None]:
        """Return when the key was created and when it expires."""
        dice = self.dice
        match fate:
            case "expiring" | "expiring later" | "expired":
                low, high = {"expiring": (0.3, 13.5), "expiring later": (15, 60), "expired": (-40, -0.5)}[fate]
                expires_at = self.before_end(-dice.between(low, high))
                lifetime = 90 if fate == "expiring later" else dice.one_of(_LIFETIMES_DAYS)
                return expires_at - timedelta(days=lifetime), expires_at
            case "used":
                created_at = self.before_end(dice.between(*_USED_DAYS))
                expires_at = created_at + timedelta(days=dice.one_of((180, 365)))
                lasts = expires_at > self.before_end(-62) and dice.chance(0.45)
                return created_at, expires_at if lasts else None
            case _:
                return self.before_end(dice.between(*_DAYS[fate])), None

    def _creator(self, fate: Fate, created_at: datetime) -> Person:
        if fate == "of the leaver":
            return northwind.LEAVER
        if fate in {"leaked", "replacement"}:
            return northwind.ON_CALL
        days = (self.ends_at - created_at) / timedelta(days=1)
        creators = [
            person
            for person in northwind.PEOPLE
            if person.role in {"owner", "admin", "member"} and person.left is None and person.joined > days + 1
        ]
        return self.dice.one_of(creators)

    def _servers(self, environment: Environment) -> tuple[Server, ...]:
        same = [server for server in northwind.SERVERS if server.environment == environment]
        return tuple(self.dice.some_of(same, min(len(same), self.dice.whole(1, 3))))

    def _permissions(self, fate: Fate, servers: Sequence[Server]) -> Permissions:
        dice, of = self.dice, self.ids.servers
        if fate == "leaked":
            # Too broad for an export: this is why the leak matters.
            return Permissions(mcps=(of["warehouse"],), tools={of["warehouse"]: ToolRule(deny=("drop_*",))})
        if fate == "replacement":
            return Permissions(
                mcps=(of["warehouse"],), tools={of["warehouse"]: ToolRule(allow=("export_table", "list_tables"))}
            )
        if dice.chance(0.13):
            return Permissions(mcps="*")
        rules = {of[server.path]: _rule(dice, server) for server in servers if dice.chance(0.35)}
        return Permissions(mcps=tuple(of[server.path] for server in servers), tools=rules)

    def _address(self, *, is_person: bool) -> str:
        if is_person:
            return f"{self.dice.one_of(northwind.OFFICES)}.{self.dice.whole(2, 250)}"
        return f"{northwind.CLOUD}::{self.dice.whole(16, 65_000):x}"

    def _end(self, key: PlannedKey) -> None:
        dice = self.dice
        match key.fate:
            case "disabled":
                key.ends_at = self.before_end(dice.between(1, 45))
            case "revoked":
                key.ends_at = self.before_end(dice.between(1.5, 60))
            case "of the leaver":
                key.ends_at = self.before_end(northwind.LEAVER.left or 0)
            case "rotated":
                hours = dice.one_of((1, 24, 72))
                self._rotate(key, self.before_end(dice.between(6, 29)), timedelta(hours=hours))
            case "rotating":
                self._rotate(key, self.before_end(dice.between(0.5, 2)), timedelta(days=dice.one_of((3, 7))))
            case _:
                pass

    def _rotate(self, key: PlannedKey, at: datetime, overlap: timedelta) -> None:
        secret = generate(key.environment, self.secrets(ENTROPY_BYTES))
        key.rotations.append(Rotation(at, at + overlap, secret))


def _named(fate: Fate, name: str) -> str:
    match fate:
        case "leaked":
            return LEAKED_NAME
        case "replacement":
            return f"{LEAKED_NAME} (office network only)"
        case _:
            return name


def _rule(dice: Dice, server: Server) -> ToolRule:
    tools = server.tools
    if dice.chance(0.4):
        return ToolRule(deny=(tools[-1],))
    return ToolRule(allow=tuple(sorted(dice.some_of(tools, dice.whole(1, len(tools) - 1)))))


def _network_of(ip: str) -> str:
    return f"{northwind.CLOUD}::/48" if ":" in ip else f"{ip.rpartition('.')[0]}.0/24"


def _appoint_managers(keys: Sequence[PlannedKey]) -> None:
    """Give some of the keys management grants. The first one verifies other keys for the gateway."""
    managers: tuple[tuple[str, tuple[Grant, ...]], ...] = (
        (GATEWAY_NAME, ("keys:verify",)),
        ("Terraform", ("keys:read", "keys:write", "mcps:read", "mcps:write")),
        ("Audit export to the SIEM", ("audit:read",)),
        ("Onboarding script", ("keys:read", "keys:write", "members:read", "members:write")),
        ("Usage report", ("usage:read", "keys:read")),
        ("Break glass", GRANTS),
    )
    admins = [person for person in northwind.PEOPLE if person.role in {"owner", "admin"}]
    oldest = sorted(keys, key=lambda key: key.created_at)
    for number, ((name, manage), key) in enumerate(zip(managers, oldest, strict=False)):
        key.name, key.is_person, key.creator = name, False, admins[number % len(admins)]
        key.permissions = Permissions(mcps=(), manage=manage)
        key.servers, key.allowed_ips, key.rate_limit = (), (), None
        key.expires_at, key.weight = None, 0.0
        key.ip, key.user_agent = f"{northwind.CLOUD}::{number + 1:x}", northwind.PROGRAMS[0]
