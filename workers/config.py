"""What the workers take from the environment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from domain.plans.overrides import apply_overrides
from domain.plans.plan import PLANS, Plans, usage_days
from gateway.geoip import GeoDatabaseUnusable, open_database
from gateway.policy import EgressPolicy
from infrastructure.database.url import UNREADABLE, is_readable
from infrastructure.key_derivation import parse_master_keys
from workers.mail.settings import MailFile, Smtp, Way
from workers.retention_settings import Retention

WORKERS_MAX = 256
GRACE_SECONDS = 30
GRACE_SECONDS_MAX = 3_600
MCP_HEALTH_SECONDS = range(60, 86_401)
"""At least twice `gateway.health.FRESH`, so that what is used all the time is never asked besides."""


class ConfigError(Exception):
    """A variable of the environment is missing or can not be meant. The message names it and never repeats a URL."""


@dataclass(frozen=True, slots=True)
class Config:
    """`database_url` and `redis_url` may hold passwords, so neither is shown; `workers` is the number of processes.

    `master_keys` open what waits sealed in the database. `mail`: how mails leave; None: they do not.
    `public_url`: how people reach the API and its pages, for links in mails.
    `egress`: which addresses of MCP servers may be reached. `mcp_health`: how often they are asked; None: never.
    `retention`: which uses leave the log, and how.
    `plans`: what they allow here. `geo_database`: tells the country of a network; None: a network is a place by itself.
    `grace_seconds`: how long a job may go on when the workers are asked to stop.
    """

    database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    workers: int
    master_keys: tuple[bytes, ...] = field(default=(), repr=False)
    mail: Way | None = None
    public_url: str = "http://127.0.0.1:8000"
    egress: EgressPolicy = field(default_factory=EgressPolicy)
    mcp_health: timedelta | None = None
    retention: Retention = field(default_factory=lambda: Retention(usage_days(PLANS)))
    geo_database: Path | None = None
    plans: Plans = field(default_factory=lambda: PLANS)
    grace_seconds: int = GRACE_SECONDS

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """An empty variable counts as absent. Raises ConfigError."""
        plans = _plans(environment.get("KEYLEDGER_PLANS", "").strip())
        return cls(
            database_url=_database_url(environment, "DATABASE_URL"),
            redis_url=_required(environment, "REDIS_URL", "redis://host:6379/0"),
            workers=_workers(environment.get("WORKERS", "").strip() or "1"),
            master_keys=_master_keys(environment.get("KEYLEDGER_MASTER_KEY", "").strip()),
            mail=_mail(environment),
            public_url=_public_url(environment),
            egress=_egress(environment.get("KEYLEDGER_UPSTREAM_ALLOW", "")),
            plans=plans,
            grace_seconds=_grace(environment.get("KEYLEDGER_GRACE_SECONDS", "").strip() or str(GRACE_SECONDS)),
            geo_database=_geo_database(environment.get("KEYLEDGER_GEO_DATABASE", "").strip()),
            mcp_health=_mcp_health(environment.get("KEYLEDGER_MCP_HEALTH_SECONDS", "").strip() or "300"),
            retention=_retention(usage_days(plans), environment.get("KEYLEDGER_USAGE_EXPORT", "").strip()),
        )


def _required(environment: Mapping[str, str], name: str, example: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        raise ConfigError(f"{name} is not set: it is an address such as {example}")
    return value


def _database_url(environment: Mapping[str, str], name: str) -> str:
    url = _required(environment, name, "postgresql://user@host/name")
    if not is_readable(url):
        raise ConfigError(f"{name} {UNREADABLE}")
    return url


def _master_keys(text: str) -> tuple[bytes, ...]:
    try:
        return parse_master_keys(text) if text else ()
    except ValueError as error:
        raise ConfigError(f"KEYLEDGER_MASTER_KEY {error}") from None


def _mail(environment: Mapping[str, str]) -> Way | None:
    url = environment.get("SMTP_URL", "").strip()
    file = environment.get("KEYLEDGER_MAIL_FILE", "").strip()
    try:
        if url:
            return Smtp.parse(url, environment.get("MAIL_FROM", "").strip())
    except ValueError as error:
        raise ConfigError(f"SMTP_URL {error}") from None
    return MailFile(Path(file)) if file else None


def _public_url(environment: Mapping[str, str]) -> str:
    host = environment.get("HOST", "").strip() or "127.0.0.1"
    port = environment.get("PORT", "").strip() or "8000"
    default = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    url = (environment.get("KEYLEDGER_PUBLIC_URL", "").strip() or default).rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigError(f"KEYLEDGER_PUBLIC_URL can not be read: {error}") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigError("KEYLEDGER_PUBLIC_URL has to be an address such as https://keys.example.com")
    return url


def _egress(text: str) -> EgressPolicy:
    try:
        return EgressPolicy.parse(text)
    except ValueError as error:
        raise ConfigError(f"KEYLEDGER_UPSTREAM_ALLOW {error}") from None


def _plans(text: str) -> Plans:
    try:
        return apply_overrides(text)
    except ValueError as error:
        raise ConfigError(f'KEYLEDGER_PLANS: {error}: write JSON such as {{"free": {{"usage_days": 90}}}}') from None


def _geo_database(text: str) -> Path | None:
    try:
        return open_database(text)
    except GeoDatabaseUnusable as error:
        raise ConfigError(f"KEYLEDGER_GEO_DATABASE {error}") from None


def _mcp_health(text: str) -> timedelta | None:
    if text == "0":
        return None
    if text.isascii() and text.isdigit() and int(text) in MCP_HEALTH_SECONDS:
        return timedelta(seconds=int(text))
    raise ConfigError(
        f"KEYLEDGER_MCP_HEALTH_SECONDS has to be a whole number from {MCP_HEALTH_SECONDS[0]} to"
        f" {MCP_HEALTH_SECONDS[-1]}, or 0 for never, and it is '{text}'"
    )


def _retention(kept: int | None, export: str) -> Retention:
    if export in {"", "discard"}:
        return Retention(kept, discard=bool(export))
    folder = Path(export)
    if not folder.is_absolute():
        raise ConfigError(
            "KEYLEDGER_USAGE_EXPORT has to be the whole path of a folder, or discard for uses that may leave without"
            f" a copy, and it is '{export}'"
        )
    return Retention(kept, folder)


def _grace(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= GRACE_SECONDS_MAX:
        return int(text)
    raise ConfigError(
        f"KEYLEDGER_GRACE_SECONDS has to be a whole number from 1 to {GRACE_SECONDS_MAX}, and it is '{text}'"
    )


def _workers(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= WORKERS_MAX:
        return int(text)
    raise ConfigError(f"WORKERS has to be a whole number from 1 to {WORKERS_MAX}, and it is '{text}'")
