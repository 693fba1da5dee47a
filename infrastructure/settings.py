"""Every setting, declared once.

A field of `Settings` is a row of the table: the variable, its parser, the processes that read it and its meaning. The
configuration of each process, the table in docs/configuration.md and the check of compose.yaml are derived from it.
"""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self, get_type_hints

from msgspec import Struct, field
from msgspec.structs import replace

from domain.networks import Network
from domain.plans.plan import PLANS, Plans
from infrastructure import setting_values as values
from infrastructure.database.logins import OWNER_URL, RUNTIME_URL
from infrastructure.egress_policy import EgressPolicy
from infrastructure.setting import (
    API,
    BOTH,
    DATABASE_COMMANDS,
    MAKE_RUN,
    WORKERS,
    InvalidSetting,
    Process,
    Setting,
    refuse_former_names,
)
from infrastructure.setting_values import AccessLog, MailFile, MailTransport, Smtp


class Settings(Struct, frozen=True, kw_only=True):
    """The settings of one process. A field that the process does not read has its default."""

    database_url: Annotated[
        str,
        Setting(
            RUNTIME_URL,
            values.postgres_url,
            tuple(Process),
            "PostgreSQL 16 or later, with the login that runs the service and owns nothing. Connect directly: a"
            " connection pooler that drops startup parameters (`ignore_startup_parameters = options` of PgBouncer) also"
            " drops the role, row-level security and the timeouts, and every process refuses to work through it",
            default_text="required; `make run`: own server",
            required_by=BOTH,
            remedy=values.DATABASE_EXAMPLE,
        ),
    ] = ""
    migration_database_url: Annotated[
        str,
        Setting(
            OWNER_URL,
            values.postgres_url,
            (DATABASE_COMMANDS, MAKE_RUN),
            "The same database with the login that owns the schema",
            default_text="`DATABASE_URL`",
        ),
    ] = ""
    redis_url: Annotated[
        str,
        Setting(
            "REDIS_URL",
            values.redis_url,
            (API, WORKERS, MAKE_RUN),
            "Valkey, or Redis 6.2 or later. It holds the job queue and counts rate limits. The API verifies keys"
            " without it; the workers require it",
            default_text="none; `make run`: own server",
            required_by=(WORKERS,),
            remedy=values.REDIS_EXAMPLE,
        ),
    ] = ""
    master_keys: Annotated[
        tuple[bytes, ...],
        Setting(
            "KEYLEDGER_MASTER_KEY",
            values.master_keys,
            (API, WORKERS, MAKE_RUN),
            "32 bytes in base64, or several such keys separated by commas. The first one encrypts upstream credentials"
            " and signs cursors; all of them decrypt and verify. The workers can start without it, but then they cannot"
            " send mail or webhooks",
            default_text="required; `make run`: generated once",
            required_by=(API,),
            remedy=values.MAKE_A_MASTER_KEY,
        ),
    ] = ()
    host: Annotated[
        str,
        Setting("HOST", values.text, (API, WORKERS, MAKE_RUN), "The address on which the API listens"),
    ] = "127.0.0.1"
    port: Annotated[
        int,
        Setting("PORT", values.whole_number(1, 65_535), (API, WORKERS, MAKE_RUN), "The port on which the API listens"),
    ] = 8000
    api_workers: Annotated[
        int,
        Setting("API_WORKERS", values.whole_number(1, 256), (API, MAKE_RUN), "Number of API processes, 1 to 256"),
    ] = 1
    workers: Annotated[
        int,
        Setting(
            "WORKERS",
            values.whole_number(1, 256),
            (WORKERS, MAKE_RUN),
            "Number of worker processes that share the short jobs, 1 to 256. Five more processes run one job each:"
            " counting uses, sending mail, sending webhooks, checking the health of MCP servers, and exporting old"
            " uses",
        ),
    ] = 1
    public_url: Annotated[
        str,
        Setting(
            "KEYLEDGER_PUBLIC_URL",
            values.public_url,
            (API, WORKERS, MAKE_RUN),
            "The URL at which clients reach the API. It is the base of `type` and `Link` URLs and of links in mails",
            default_text="`http://HOST:PORT`",
        ),
    ] = "http://127.0.0.1:8000"
    session_lifetime: Annotated[
        timedelta,
        Setting(
            "KEYLEDGER_SESSION_DAYS",
            values.days,
            (API,),
            "Days after which a session ends, even if it is in use",
            "`30`",
        ),
    ] = timedelta(days=30)
    session_idle: Annotated[
        timedelta,
        Setting(
            "KEYLEDGER_SESSION_IDLE_DAYS",
            values.days,
            (API,),
            "Days without a request after which a session ends",
            "`7`",
        ),
    ] = timedelta(days=7)
    smtp: Annotated[
        Smtp | None,
        Setting(
            "SMTP_URL",
            Smtp.parse,
            (WORKERS,),
            "The mail server: `smtp://user:password@host:587` (STARTTLS is required; `?starttls=no` switches it off) or"
            " `smtps://…`. Percent-encode special characters in the password",
        ),
    ] = None
    mail_from: Annotated[
        str,
        Setting(
            "MAIL_FROM",
            values.mail_address,
            (WORKERS,),
            "The sender of mails, such as `Keyledger <keys@example.com>`",
            default_text="none; required with `SMTP_URL`",
            required_with="SMTP_URL",
            remedy="Set it to the address that mails come from, such as Keyledger <keys@example.com>",
        ),
    ] = ""
    mail_file: Annotated[
        Path | None,
        Setting(
            "KEYLEDGER_MAIL_FILE",
            values.file,
            (WORKERS,),
            "Used when `SMTP_URL` is not set: the file to which mails are appended, with the links in them, mode 0600",
            default_text="none; `make run`: in the data folder",
            in_containers=False,
        ),
    ] = None
    oidc_issuer: Annotated[
        str,
        Setting(
            "OIDC_ISSUER",
            values.issuer,
            (API,),
            "The OpenID provider for sign-in, exactly as the provider writes its issuer, such as"
            " `https://accounts.example.com`",
        ),
    ] = ""
    oidc_client_id: Annotated[
        str,
        Setting(
            "OIDC_CLIENT_ID",
            values.text,
            (API,),
            "The client id at that provider. Register `KEYLEDGER_PUBLIC_URL` + `/sign-in/openid/callback` as the"
            " redirect URL",
            default_text="required with `OIDC_ISSUER`",
            required_with="OIDC_ISSUER",
            remedy="The provider issues it when you register an application",
        ),
    ] = ""
    oidc_client_secret: Annotated[
        str,
        Setting(
            "OIDC_CLIENT_SECRET",
            values.text,
            (API,),
            "The client secret at that provider",
            default_text="required with `OIDC_ISSUER`",
            required_with="OIDC_ISSUER",
            remedy="The provider issues it when you register an application",
        ),
    ] = ""
    oidc_scopes: Annotated[str, Setting("OIDC_SCOPES", values.text, (API,), "The scopes to request")] = "openid email"
    oidc_name: Annotated[
        str,
        Setting(
            "OIDC_NAME",
            values.text,
            (API,),
            "The provider's name on the sign-in button",
            default_text="host of the issuer",
        ),
    ] = ""
    oidc_trust_email: Annotated[
        bool,
        Setting(
            "OIDC_TRUST_EMAIL",
            values.switch,
            (API,),
            "`true` accepts an address although the provider does not state whether it is verified, as with Microsoft"
            " Entra ID. Use it only for an issuer whose users cannot choose their own address",
        ),
    ] = False
    egress: Annotated[
        EgressPolicy,
        Setting(
            "KEYLEDGER_EGRESS_ALLOW",
            values.egress,
            BOTH,
            "Non-public networks in which MCP servers and webhook receivers are allowed, such as `10.0.0.0/8,::1/128`",
            default_text="none; `make run`: loopback",
        ),
    ] = EgressPolicy()
    mcp_health: Annotated[
        timedelta | None,
        # At least twice `gateway.health.FRESH`, so that a server with constant traffic is never checked.
        Setting(
            "KEYLEDGER_MCP_HEALTH_SECONDS",
            values.interval_or_never(60, 86_400),
            (WORKERS,),
            "Seconds between health checks of an active MCP server that has no recent calls: 60 to 86400, or 0 for no"
            " checks",
            default_text="`300`",
        ),
    ] = timedelta(seconds=300)
    geo_database: Annotated[
        Path | None,
        Setting(
            "KEYLEDGER_GEO_DATABASE",
            values.geo_database,
            BOTH,
            "A country database in MaxMind's format, such as `geo-whois-asn-country.mmdb` (CC0). If set, activity shows"
            " the country, and location alerts compare countries; otherwise they compare networks (/24 for IPv4, /48"
            " for IPv6)",
        ),
    ] = None
    github_keys: Annotated[
        Path | None,
        Setting(
            "KEYLEDGER_GITHUB_KEYS_FILE",
            values.file,
            (API,),
            "The file with the public keys of GitHub's secret scanning, as"
            " `https://api.github.com/meta/public_keys/secret_scanning` returns them. It is read again when it changes."
            " Without it, `POST /v1/leaks/github` responds 404; see [leaked keys](leaked-keys.md)",
        ),
    ] = None
    rate_limit_timeout_seconds: Annotated[
        float,
        Setting(
            "KEYLEDGER_RATE_LIMIT_TIMEOUT_SECONDS",
            values.seconds,
            (API,),
            "Seconds that a request waits for Valkey to count its rate limits, 0.05 to 60. After that it passes"
            " uncounted",
        ),
    ] = 0.1
    request_timeout_seconds: Annotated[
        float,
        Setting(
            "KEYLEDGER_REQUEST_TIMEOUT_SECONDS",
            values.seconds,
            (API,),
            "Seconds that a request waits for the database before it gets 503, 0.05 to 60. A change may take twice as"
            " long, and the same again to look up a commit that was sent but not confirmed",
        ),
    ] = 1.5
    grace_seconds: Annotated[
        int,
        Setting(
            "KEYLEDGER_GRACE_SECONDS",
            values.whole_number(1, 3_600),
            (API, WORKERS, MAKE_RUN),
            "Seconds that running calls and jobs may take after SIGTERM, 1 to 3600. Supervisors must wait longer; see"
            " [deployment](deployment.md)",
        ),
    ] = 30
    keep_alive_seconds: Annotated[
        int,
        Setting(
            "KEYLEDGER_KEEP_ALIVE_SECONDS",
            values.whole_number(1, 3_600),
            (API,),
            "Seconds that a connection stays open without a request, 1 to 3600. Must be longer than the proxy keeps it;"
            " see [deployment](deployment.md)",
        ),
    ] = 130
    header_seconds: Annotated[
        int,
        Setting(
            "KEYLEDGER_HEADER_SECONDS",
            values.whole_number(1, 3_600),
            (API,),
            "Seconds that the headers of a request may take after their first byte, 1 to 3600",
        ),
    ] = 30
    plans: Annotated[
        Plans,
        Setting(
            "KEYLEDGER_PLANS",
            values.plans,
            BOTH,
            'Changes to the limits of plans, as JSON: `{"free": {"api_keys": 5, "mcps": null}}`. `null` means no limit',
            default_text="built-in limits",
        ),
    ] = field(default_factory=lambda: PLANS)
    usage_export_dir: Annotated[
        Path | None,
        Setting(
            "KEYLEDGER_USAGE_EXPORT_DIR",
            values.absolute_folder,
            (WORKERS,),
            "The absolute path of the folder to which old uses are exported before they leave the log. If neither this"
            " nor `KEYLEDGER_USAGE_DISCARD` is set, no use is removed; see [retention](retention.md)",
        ),
    ] = None
    usage_discard: Annotated[
        bool,
        Setting(
            "KEYLEDGER_USAGE_DISCARD",
            values.switch,
            (WORKERS,),
            "`true` removes old uses from the log without a copy. Cannot be combined with `KEYLEDGER_USAGE_EXPORT_DIR`",
        ),
    ] = False
    trusted_proxies: Annotated[
        tuple[Network, ...],
        Setting(
            "KEYLEDGER_TRUSTED_PROXIES",
            values.networks,
            (API,),
            "Networks of your own proxies (CIDR), whose `X-Forwarded-For` is trusted",
        ),
    ] = ()
    access_log: Annotated[
        AccessLog,
        Setting(
            "KEYLEDGER_ACCESS_LOG",
            values.access_log,
            (API,),
            "Which requests are logged: `all`, `notable` or `none`. `notable` leaves out verifications, checks, calls"
            " and health probes that took less than a second and did not fail with a 5xx status",
        ),
    ] = "notable"
    metrics_token: Annotated[
        str,
        Setting(
            "KEYLEDGER_METRICS_TOKEN",
            values.text,
            (API,),
            "The bearer token that `/metrics` requires. If it is not set, `/metrics` answers direct requests from this"
            " machine and from private networks",
        ),
    ] = ""
    metrics_folder: Annotated[
        Path | None,
        Setting(
            "PROMETHEUS_MULTIPROC_DIR",
            values.file,
            (API,),
            "The folder in which the API processes share their metrics",
            default_text="a new folder at each start",
            in_containers=False,
        ),
    ] = None
    otlp_endpoint: Annotated[
        str,
        Setting(
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            values.text,
            (API,),
            "The collector that receives traces by OTLP over HTTP, such as `http://collector:4318`. Needs `uv sync"
            " --group otel`. The other `OTEL_*` variables apply too",
            in_containers=False,
        ),
    ] = ""
    otlp_traces_endpoint: Annotated[
        str,
        Setting(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", values.text, (API,), "The same, as the full URL", in_containers=False
        ),
    ] = ""
    home: Annotated[
        Path,
        Setting(
            "KEYLEDGER_HOME",
            values.file,
            (MAKE_RUN,),
            "The data folder of `make run`",
            in_containers=False,
        ),
    ] = Path(".keyledger")

    @classmethod
    def from_environment(cls, environment: Mapping[str, str], reader: Process) -> Self:
        """Return the settings that `reader` finds in `environment`, where an empty variable counts as not set.

        Raise `InvalidSetting`.
        """
        given = {name: stripped for name, value in environment.items() if (stripped := value.strip())}
        refuse_former_names(given)
        read = {attribute: setting for attribute, setting in SETTINGS.items() if reader in setting.readers}
        for setting in read.values():
            setting.require(reader, given)
        found: dict[str, Any] = {
            attribute: setting.value(given[setting.name])
            for attribute, setting in read.items()
            if setting.name in given
        }
        if "usage_export_dir" in found and found.get("usage_discard"):
            raise InvalidSetting(
                "KEYLEDGER_USAGE_DISCARD", "is true, but KEYLEDGER_USAGE_EXPORT_DIR is set. Set only one"
            )
        settings = cls(**found)
        return settings if "public_url" in found else replace(settings, public_url=settings.listens_at)

    @property
    def listens_at(self) -> str:
        """Return `http://host:port`, without a slash at the end."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"

    @property
    def mail(self) -> MailTransport | None:
        """Return the transport of mails; None: no mails are sent."""
        if self.smtp is not None:
            return self.smtp.with_sender(self.mail_from)
        return None if self.mail_file is None else MailFile(self.mail_file)

    @property
    def traces(self) -> bool:
        return bool(self.otlp_endpoint or self.otlp_traces_endpoint)

    def __repr__(self) -> str:
        """Return a text without keys and without URLs that contain passwords."""
        return f"Settings(host={self.host!r}, port={self.port}, public_url={self.public_url!r})"


def _declared() -> dict[str, Setting]:
    """Return the row of each field of `Settings`, in the order of the table."""
    hints = get_type_hints(Settings, include_extras=True)
    return {attribute: hints[attribute].__metadata__[0] for attribute in Settings.__struct_fields__}


SETTINGS: Mapping[str, Setting] = _declared()
