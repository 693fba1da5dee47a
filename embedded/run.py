"""Everything on one machine: the order in which the parts start, and what each is told."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import NamedTuple

from embedded.addresses import answers_ok, first_free_port, is_listening, require_free
from embedded.children import mark_of
from embedded.console import say, say_state
from embedded.errors import CannotStart
from embedded.external import require_database, require_redis
from embedded.guard import POSTGRESQL, VALKEY, guarded
from embedded.home import Home
from embedded.mails import Mails
from embedded.postgres import PostgreSQL
from embedded.service import Service
from embedded.settings import Settings, require_meant
from embedded.stopping import StopRequested, stop_requests
from embedded.supervisor import Part, Supervisor
from embedded.valkey import Valkey
from eventstore.logins import OWNER_URL, RUNTIME_URL

_LOOPBACK = "127.0.0.1"
_EXAMPLE_PORT_MOST = 65_000  # above it there may be no free port to find

# Seconds to finish in when everything stops, the last started first; the servers take as long as they need. API and
# workers use theirs only while calls and jobs run: `_CLOSING` is what they need after KEYLEDGER_GRACE_SECONDS.
_CLOSING = 5.0
_SCHEDULER_STOP = 0.3
_EXAMPLE_STOP = 0.3


def run(environment: Mapping[str, str]) -> None:
    """Start all parts, keep them running, and return when they have stopped on SIGINT, SIGTERM or SIGHUP.

    Raises CannotStart, also with everything stopped.
    """
    settings = Settings.from_environment(environment)
    require_meant(settings, environment)
    supervisor = Supervisor()
    try:
        with stop_requests(), Home(settings.home) as home, guarded(home.folder):
            try:
                with home.usable():
                    mails = Mails(home.folder)
                    _start(settings, home, supervisor, environment, mails)
                supervisor.watch(chore=home.bound_logs, often=mails.say_new)
            finally:
                supervisor.stop()
    except StopRequested:
        say("Stopped.")


def _start(
    settings: Settings, home: Home, supervisor: Supervisor, environment: Mapping[str, str], mails: Mails
) -> None:
    began = time.monotonic()
    require_free(settings.host, settings.port)
    if settings.port == home.example_port():
        raise CannotStart(
            f"port {settings.port} is that of the example MCP server in {home.folder}: set PORT to another"
        )
    say(f"Keyledger starts, its data in {home.folder}")

    database, redis_url = _start_servers(settings, home, supervisor)
    told = {
        **{name: value for name, value in environment.items() if name != OWNER_URL},
        "TZ": "UTC",  # rq's cron goes by local time
        "PYTHONUNBUFFERED": "1",
        RUNTIME_URL: database.runtime_url,
        "REDIS_URL": redis_url,
        "KEYLEDGER_MASTER_KEY": settings.master_key or home.master_key(),
        "KEYLEDGER_PUBLIC_URL": settings.address,
        # Where nobody has a mail server, a link to sign in is read here.
        "KEYLEDGER_MAIL_FILE": environment.get("KEYLEDGER_MAIL_FILE") or str(mails.file),
        # The example MCP server listens on loopback, which the gateway refuses otherwise.
        "KEYLEDGER_UPSTREAM_ALLOW": environment.get("KEYLEDGER_UPSTREAM_ALLOW") or "127.0.0.0/8,::1/128",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "API_WORKERS": str(settings.api_workers),
        "WORKERS": str(settings.workers),
    }
    told_owner = {**told, OWNER_URL: database.owner_url}
    home.write_operator_settings(told_owner)

    def service(name: str, *words: str, is_ready: Callable[[], bool] = lambda: True) -> Service:
        environment = told_owner if name == "migrate" else told
        log, mark = home.new_log(name), mark_of(home.folder, name)
        return Service(words, log=log, environment=environment, mark=mark, is_ready=is_ready)

    try:
        seconds = supervisor.run_to_end("migrate", service("migrate", "eventstore", "migrate"))
    except CannotStart as error:
        raise CannotStart(f"migrate failed: {error}", error.details) from error
    say_state("migrate", f"done ({seconds:.1f} s)")
    example_port = _example_port(home, min(settings.port + 1, _EXAMPLE_PORT_MOST))
    example_ready = partial(is_listening, _LOOPBACK, example_port)
    example = service("example-mcp", "examples.mcp_server", "--port", str(example_port), is_ready=example_ready)
    api_ready = partial(answers_ok, settings.own_host, settings.port, "/health/live")
    supervisor.start_together(
        [
            Part("example-mcp", example, _EXAMPLE_STOP, optional=True),
            Part("workers", service("workers", "workers", "run"), settings.grace_seconds + _CLOSING),
            Part("scheduler", service("scheduler", "workers", "schedule"), _SCHEDULER_STOP),
            Part("api", service("api", "app", "serve", is_ready=api_ready), settings.grace_seconds + _CLOSING),
        ]
    )
    mcp_url = f"http://{_LOOPBACK}:{example_port}/mcp"
    if home.credentials.exists():
        home.correct_credentials(settings.address)
    else:
        words = ("app", "demo", "--to", str(home.folder), "--mcp-url", mcp_url)
        _make_demo(supervisor, service("demo", *words))
    say(f"Keyledger runs at {settings.address} (after {time.monotonic() - began:.1f} s)")
    if home.credentials.exists():
        say(f"Credentials for a first try: {home.credentials}")
    say(f"Settings for python -m app admin, eventstore and projections: {home.operator_settings}")
    say(f"Sign in as owner@demo.example at {settings.address}/sign-in; the link is shown here and in {mails.file}")
    say(f"Logs: {home.logs}. Ctrl-C stops everything.")


class _Database(NamedTuple):
    """The address of the login that runs the service, and of the one that owns the schema."""

    runtime_url: str
    owner_url: str


def _start_servers(settings: Settings, home: Home, supervisor: Supervisor) -> tuple[_Database, str]:
    """The addresses of PostgreSQL and Valkey, started here unless the settings name others."""
    redis_url = settings.redis_url
    if settings.database_url:
        database = _Database(settings.database_url, settings.owner_url or settings.database_url)
        # The login that runs the service may not be there before the first migration.
        require_database(database.owner_url)
        say_state("postgresql", "ready (DATABASE_URL)")
    else:
        postgres = PostgreSQL(home.folder / POSTGRESQL, log=home.new_log("postgresql"))
        supervisor.start("postgresql", postgres, 0.0)
        database = _Database(postgres.runtime_url, postgres.url)
    if redis_url:
        require_redis(redis_url)
        say_state("valkey", "ready (REDIS_URL)")
    else:
        valkey = Valkey(home.folder / VALKEY, log=home.new_log("valkey"))
        supervisor.start("valkey", valkey, 0.0)
        redis_url = valkey.url
    return database, redis_url


def _example_port(home: Home, wanted: int) -> int:
    """Where the example MCP server listens: the same port at every start, as long as it stays free."""
    kept = home.example_port()
    try:
        port = first_free_port(_LOOPBACK, kept or wanted)
    except CannotStart:
        # The service does not need it. It says itself that the port is taken, and is tried again.
        return kept or wanted
    if not kept:
        home.keep_example_port(port)
    elif port != kept:
        say(f"Port {kept} was taken, so the example MCP server moves to {port}; the demo MCP is registered at {kept}")
    return port


def _make_demo(supervisor: Supervisor, demo: Service) -> None:
    """Make the demo organization. The service is complete without it: what goes wrong is said, and tried again."""
    try:
        seconds = supervisor.run_to_end("demo", demo)
    except CannotStart as error:
        for line in error.details:
            say(f"    {line}")
        say(f"The demo organization was not made: {error}. The next start tries again.")
        return
    say_state("demo", f"done ({seconds:.1f} s)")
