"""The settings of the API process, read from the environment once, at the start."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct
from redis.connection import parse_url  # pyright: ignore[reportUnknownVariableType]

from domain.networks import Network, parse_network
from domain.plans.overrides import apply_overrides
from domain.plans.plan import PLANS, Plans
from gateway.geoip import GeoDatabaseUnusable, open_database
from gateway.openid.settings import OpenIdSettings, issuer_problem
from gateway.policy import EgressPolicy
from infrastructure.database.url import UNREADABLE, is_readable
from infrastructure.key_derivation import parse_master_keys

_NUMBER_MAX = 65_535
"""The last port; and more processes than anyone has."""
_GRACE_MAX = 3_600
_KEEP_ALIVE_MAX = 3_600
_PATIENCE_MIN, _PATIENCE_MAX = 0.05, 60.0


LogAccess = Literal["all", "notable", "none"]
"""Of which requests the log has a line; see `app/http/access_log.py`."""


class InvalidSetting(ValueError):
    """A setting is missing or can not be read."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"{name}: {problem}")


class Config(Struct, frozen=True):
    """`master_keys`: 32 bytes each; the first seals and signs, all of them open and verify.

    `patience_seconds`: how long a request waits for the database before it is answered with 503; a change, which waits
    for a connection and then for locks, twice that. `redis_patience_seconds`: how long it waits for rate limits to be
    counted before it goes on uncounted. `session_lasts`, `session_idle`: when a session ends, used or not.
    `geo_database`: tells the country of an address; None: no country is told. `grace_seconds`: how long running
    requests may go on when the process is asked to stop. `keep_alive_seconds`: how long a connection stays open without
    a request. `header_seconds`: how long the headers of a request may take.
    """

    database_url: str
    master_keys: tuple[bytes, ...]
    redis_url: str = ""
    host: str = "127.0.0.1"
    port: int = 8000
    api_workers: int = 1
    public_url: str = "http://127.0.0.1:8000"
    egress: EgressPolicy = EgressPolicy()
    trusted_proxies: tuple[Network, ...] = ()
    request_timeout_seconds: float = 1.5
    log_access: LogAccess = "notable"
    metrics_token: str = ""
    metrics_folder: str = ""
    traces: bool = False
    session_lifetime: timedelta = timedelta(days=30)
    session_idle: timedelta = timedelta(days=7)
    openid: OpenIdSettings | None = None
    rate_limit_timeout_seconds: float = 0.1
    plans: Plans = msgspec.field(default_factory=lambda: PLANS)
    geo_database: Path | None = None
    grace_seconds: int = 30
    keep_alive_seconds: int = 130
    header_seconds: int = 30

    def __repr__(self) -> str:
        """Without addresses that carry passwords, and without keys."""
        return f"Config(host={self.host!r}, port={self.port}, public_url={self.public_url!r})"


def from_environment(environment: Mapping[str, str]) -> Config:
    """The configuration that `environment` describes; raises `InvalidSetting`, which names the variable."""
    host = environment.get("HOST") or "127.0.0.1"
    port = _number(environment, "PORT", 8000)
    return Config(
        database_url=_database_url(environment, "DATABASE_URL"),
        redis_url=_redis_url(environment, "REDIS_URL"),
        host=host,
        port=port,
        api_workers=_number(environment, "API_WORKERS", 1),
        master_keys=_master_keys(environment),
        public_url=_public_url(environment, f"http://{f'[{host}]' if ':' in host else host}:{port}"),
        egress=_egress(environment),
        trusted_proxies=_networks(environment, "KEYLEDGER_TRUSTED_PROXIES"),
        request_timeout_seconds=_seconds(environment, "KEYLEDGER_PATIENCE_SECONDS", 1.5),
        log_access=_log_access(environment, "KEYLEDGER_LOG_ACCESS"),
        metrics_token=environment.get("KEYLEDGER_METRICS_TOKEN", ""),
        metrics_folder=environment.get("PROMETHEUS_MULTIPROC_DIR", ""),
        traces=bool(
            environment.get("OTEL_EXPORTER_OTLP_ENDPOINT") or environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        ),
        session_lifetime=timedelta(days=_number(environment, "KEYLEDGER_SESSION_DAYS", 30)),
        session_idle=timedelta(days=_number(environment, "KEYLEDGER_SESSION_IDLE_DAYS", 7)),
        openid=_openid(environment),
        rate_limit_timeout_seconds=_seconds(environment, "KEYLEDGER_REDIS_PATIENCE_SECONDS", 0.1),
        plans=_plans(environment, "KEYLEDGER_PLANS"),
        geo_database=_geo_database(environment, "KEYLEDGER_GEO_DATABASE"),
        grace_seconds=_number(environment, "KEYLEDGER_GRACE_SECONDS", 30, most=_GRACE_MAX),
        keep_alive_seconds=_number(environment, "KEYLEDGER_KEEP_ALIVE_SECONDS", 130, most=_KEEP_ALIVE_MAX),
        header_seconds=_number(environment, "KEYLEDGER_HEADER_SECONDS", 30, most=_KEEP_ALIVE_MAX),
    )


def _required(environment: Mapping[str, str], name: str, remedy: str) -> str:
    value = environment.get(name, "")
    if not value:
        raise InvalidSetting(name, f"is not set: {remedy}")
    return value


def _database_url(environment: Mapping[str, str], name: str) -> str:
    url = _required(environment, name, "name the database, such as postgresql://user@host/name")
    if not is_readable(url):
        raise InvalidSetting(name, UNREADABLE)
    return url


def _redis_url(environment: Mapping[str, str], name: str) -> str:
    url = environment.get(name, "")
    try:
        if url:
            parse_url(url)
    except ValueError:  # whose message quotes a piece of a password that tears the address apart
        remedy = (
            "write it such as redis://:password@host:6379/0, with special characters of its password percent-encoded"
        )
        raise InvalidSetting(name, f"is not an address of Valkey or Redis: {remedy}") from None
    return url


def _public_url(environment: Mapping[str, str], default: str) -> str:
    name = "KEYLEDGER_PUBLIC_URL"
    url = (environment.get(name) or default).rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise InvalidSetting(name, f"{error}: write it such as https://keys.example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or parts.fragment:
        raise InvalidSetting(name, "write it with http:// or https:// and a host, such as https://keys.example.com")
    return url


def _number(environment: Mapping[str, str], name: str, default: int, most: int = _NUMBER_MAX) -> int:
    try:
        number = int(environment.get(name, "") or default)
    except ValueError:
        raise InvalidSetting(name, "must be a whole number") from None
    if not 1 <= number <= most:
        raise InvalidSetting(name, f"must be between 1 and {most}")
    return number


def _seconds(environment: Mapping[str, str], name: str, default: float) -> float:
    try:
        seconds = float(environment.get(name, "") or default)
    except ValueError:
        raise InvalidSetting(name, "must be a number of seconds, such as 1.5") from None
    if not _PATIENCE_MIN <= seconds <= _PATIENCE_MAX:
        raise InvalidSetting(name, f"must be between {_PATIENCE_MIN} and {_PATIENCE_MAX} seconds")
    return seconds


def _log_access(environment: Mapping[str, str], name: str) -> LogAccess:
    value = environment.get(name, "") or "notable"
    for known in get_args(LogAccess):
        if value == known:
            return known
    raise InvalidSetting(name, f"must be one of {', '.join(get_args(LogAccess))}")


def _master_keys(environment: Mapping[str, str]) -> tuple[bytes, ...]:
    name = "KEYLEDGER_MASTER_KEY"
    remedy = "make one with: head -c 32 /dev/urandom | base64"
    text = _required(environment, name, remedy)
    try:
        return parse_master_keys(text)
    except ValueError as error:
        raise InvalidSetting(name, f"{error}; {remedy}") from None


def _openid(environment: Mapping[str, str]) -> OpenIdSettings | None:
    issuer = environment.get("OIDC_ISSUER", "")
    if not issuer:
        return None
    problem = issuer_problem(issuer)
    if problem is not None:
        raise InvalidSetting("OIDC_ISSUER", problem)
    remedy = "the provider gives it to those who register an application"
    return OpenIdSettings(
        issuer=issuer,
        client_id=_required(environment, "OIDC_CLIENT_ID", remedy),
        client_secret=_required(environment, "OIDC_CLIENT_SECRET", remedy),
        scopes=environment.get("OIDC_SCOPES") or "openid email",
        name=environment.get("OIDC_NAME", ""),
        trust_email=_switch(environment, "OIDC_TRUST_EMAIL"),
    )


def _switch(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value not in {"", "true", "false"}:
        raise InvalidSetting(name, "must be true or false")
    return value == "true"


def _egress(environment: Mapping[str, str]) -> EgressPolicy:
    name = "KEYLEDGER_UPSTREAM_ALLOW"
    try:
        return EgressPolicy.parse(environment.get(name, ""))
    except ValueError as error:
        raise InvalidSetting(name, str(error)) from None


def _networks(environment: Mapping[str, str], name: str) -> tuple[Network, ...]:
    networks: list[Network] = []
    for written in filter(None, (part.strip() for part in environment.get(name, "").split(","))):
        try:
            networks.append(parse_network(written))
        except ValueError as error:
            raise InvalidSetting(name, f"{written!r}: {error}. Write networks such as 10.0.0.0/8,::1/128") from None
    return tuple(networks)


def _plans(environment: Mapping[str, str], name: str) -> Plans:
    try:
        return apply_overrides(environment.get(name, ""))
    except ValueError as error:
        raise InvalidSetting(name, f'{error}: write JSON such as {{"free": {{"api_keys": 5, "mcps": null}}}}') from None


def _geo_database(environment: Mapping[str, str], name: str) -> Path | None:
    try:
        return open_database(environment.get(name, "").strip())
    except GeoDatabaseUnusable as error:
        raise InvalidSetting(name, str(error)) from None
