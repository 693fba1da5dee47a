"""The whole service on one machine: the start order of its parts, and the settings of each part."""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.admin.demo_plan import OWNER_EMAIL
from embedded.addresses import answers_ok, first_free_port, is_listening, require_free
from embedded.console import print_line, print_status
from embedded.data_dir import MAIL, DataDirectory
from embedded.errors import CannotStart
from embedded.foreign_files import read_foreign
from embedded.mail_watcher import Mails
from embedded.named_files import with_absolute_paths
from embedded.orphan_reaper import reap_on_exit
from embedded.processes import mark_of
from embedded.runtime_folder import RuntimeFolder
from embedded.servers import Addresses, start_servers
from embedded.service import Service
from embedded.service_account import ServiceAccount
from embedded.settings import host_to_connect_to, read_settings
from embedded.signals import StopRequested, stop_requests
from embedded.supervisor import Part, Supervisor
from infrastructure.database.logins import OWNER_URL, RUNTIME_URL
from infrastructure.settings import Settings

_LOOPBACK = "127.0.0.1"
_EXAMPLE_PORT_MOST = 65_000  # above it there may be no free port

# Seconds that each part has to stop, the last started first; the servers have no limit. The API and the workers also
# get KEYLEDGER_GRACE_SECONDS for running calls and jobs, and `_CLOSING` on top of it.
_CLOSING = 5.0
_SCHEDULER_STOP = 0.3
_EXAMPLE_STOP = 0.3

_LINK = "sign-in-link"
_LINK_BYTES_MAX = 1_000
_WRITE_FILES = ("workers", "demo", _LINK)


def run(environment: Mapping[str, str]) -> None:
    """Start all parts, keep them running, and return when they have stopped on SIGINT, SIGTERM or SIGHUP.

    Raise CannotStart after everything has stopped.
    """
    settings = read_settings(environment)
    supervisor = Supervisor()
    try:
        with stop_requests(), DataDirectory(settings.home) as home, reap_on_exit(home.folder):
            runtime = RuntimeFolder(home.folder)
            try:
                with home.usable():
                    mails = _start(settings, home, supervisor, environment, runtime)
                supervisor.watch(chore=home.bound_logs, often=mails.say_new)
            finally:
                supervisor.stop()
                runtime.remove()
    except StopRequested:
        print_line("Stopped.")


def _start(
    settings: Settings,
    home: DataDirectory,
    supervisor: Supervisor,
    environment: Mapping[str, str],
    runtime: RuntimeFolder,
) -> Mails:
    started = time.monotonic()
    require_free(settings.host, settings.port)
    if settings.port == home.example_port():
        raise CannotStart(
            f"port {settings.port} is that of the example MCP server in {home.folder}: set PORT to another"
        )
    print_line(f"Keyledger starts, its data in {home.folder}")

    services = prepare(settings, home, supervisor, environment, runtime)
    mails = Mails(services.account.folder.mail if services.account else home.mail)
    example_port = choose_example_port(home, settings)
    _start_services(settings, supervisor, services, example_port)
    _ensure_demo(settings, supervisor, services, example_url(example_port))
    link = _link_of_owner(settings, supervisor, services)
    print_line(f"Keyledger runs at {settings.public_url} (after {time.monotonic() - started:.1f} s)")
    if home.credentials.exists():
        print_line(f"Credentials for a first try: {home.credentials}")
    print_line(f"Settings for python -m app admin, eventstore and projections: {home.operator_settings}")
    if link is not None:
        print_line("Open this address to sign in to the demo, once, within 15 minutes:")
        print_line(f"    {link}")
    print_line(sign_in_note(settings.public_url, environment, home.mail))
    print_line(f"Logs: {home.logs}. Ctrl-C stops everything.")
    return mails


def sign_in_note(public_url: str, environment: Mapping[str, str], mail_file: Path) -> str:
    """Return where people find the links with which they sign in."""
    page = f"{public_url}/sign-in"
    if environment.get("SMTP_URL", "").strip():
        return f"Links that are requested at {page} are sent by mail (SMTP_URL)"
    return f"Links that are requested at {page} are shown here and in {mail_file}"


def prepare(
    settings: Settings,
    home: DataDirectory,
    supervisor: Supervisor,
    environment: Mapping[str, str],
    runtime: RuntimeFolder,
) -> "Services":
    """Start the servers and bring the database up to date. The services can be started then."""
    account = None
    if os.geteuid() == 0:
        os.umask(0o077)
        account = ServiceAccount.prepare(home, runtime)
        account.check(home, settings, environment, supervisor.run_to_end)
    addresses = start_servers(settings, home, supervisor, account)
    services = Services(home, account, _environment(settings, home, environment, addresses, account), addresses)
    home.write_operator_settings(services.environment_of_owner)
    _migrate(settings, supervisor, services)
    return services


def _environment(
    settings: Settings,
    home: DataDirectory,
    environment: Mapping[str, str],
    addresses: Addresses,
    account: ServiceAccount | None,
) -> dict[str, str]:
    """Return the environment of the services, which do not receive the owner's URL."""
    given = with_absolute_paths(environment)
    return {
        **{name: value for name, value in given.items() if name != OWNER_URL},
        "TZ": "UTC",  # rq's cron uses local time
        "PYTHONUNBUFFERED": "1",
        RUNTIME_URL: addresses.runtime_url,
        "REDIS_URL": addresses.redis_url,
        "KEYLEDGER_MASTER_KEY": environment.get("KEYLEDGER_MASTER_KEY", "").strip() or home.master_key(),
        "KEYLEDGER_PUBLIC_URL": settings.public_url,
        # Without a mail server, sign-in links are read from this file. Another account finds it in its working folder.
        "KEYLEDGER_MAIL_FILE": given.get("KEYLEDGER_MAIL_FILE") or (MAIL if account else str(home.mail)),
        # The example MCP server listens on loopback, which the gateway refuses by default.
        "KEYLEDGER_EGRESS_ALLOW": environment.get("KEYLEDGER_EGRESS_ALLOW") or "127.0.0.0/8,::1/128",
        "HOST": settings.host,
        "PORT": str(settings.port),
        "API_WORKERS": str(settings.api_workers),
        "WORKERS": str(settings.workers),
    }


class Services(NamedTuple):
    """The data folder, account, environment and addresses that our own programs share."""

    home: DataDirectory
    account: ServiceAccount | None
    environment: Mapping[str, str]
    addresses: Addresses

    @property
    def environment_of_owner(self) -> dict[str, str]:
        return {**self.environment, OWNER_URL: self.addresses.owner_url}

    def service(self, name: str, *words: str, is_ready: Callable[[], bool] = lambda: True) -> Service:
        environment = self.environment_of_owner if name == "migrate" else self.environment
        log, mark = self.home.new_log(name), mark_of(self.home.folder, name)
        run_as = None
        if self.account:
            environment = self.account.environment(environment)
            run_as = self.account.run_as(self.account.folder.path if name in _WRITE_FILES else None)
        return Service(words, log=log, environment=environment, mark=mark, is_ready=is_ready, run_as=run_as)


def _migrate(settings: Settings, supervisor: Supervisor, services: Services) -> None:
    try:
        seconds = supervisor.run_to_end("migrate", services.service("migrate", "eventstore", "migrate"))
    except CannotStart as error:
        remedy = ""
        if services.account and settings.database_url:
            account = services.account.account
            remedy = f"; it ran as {account}, which has to reach the server of DATABASE_URL and needs a password"
        raise CannotStart(f"migrate failed: {error}{remedy}", error.details) from error
    print_status("migrate", f"done ({seconds:.1f} s)")


def _start_services(settings: Settings, supervisor: Supervisor, services: Services, example_port: int) -> None:
    service, grace_seconds = services.service, settings.grace_seconds + _CLOSING
    example_ready = partial(is_listening, _LOOPBACK, example_port)
    example = service("example-mcp", "examples.mcp_server", "--port", str(example_port), is_ready=example_ready)
    api_ready = partial(answers_ok, host_to_connect_to(settings), settings.port, "/health/live")
    supervisor.start_together(
        [
            Part("example-mcp", example, _EXAMPLE_STOP, optional=True),
            Part("workers", service("workers", "workers", "run"), grace_seconds),
            Part("scheduler", service("scheduler", "workers", "schedule"), _SCHEDULER_STOP),
            Part("api", service("api", "app", "serve", is_ready=api_ready), grace_seconds),
        ]
    )


def _ensure_demo(settings: Settings, supervisor: Supervisor, services: Services, mcp_url: str) -> None:
    """Create the demo organization, unless an earlier start did, and store its credentials in the data folder."""
    home, account = services.home, services.account
    if account:
        account.folder.take_credentials()
    if home.credentials.exists():
        home.correct_credentials(settings.public_url)
        return
    target = "." if account else str(home.folder)  # under another account, its working folder
    _make_demo(supervisor, services.service("demo", "app", "demo", "--to", target, "--mcp-url", mcp_url, "--yes"))
    if account:
        account.folder.take_credentials()


def _link_of_owner(settings: Settings, supervisor: Supervisor, services: Services) -> str | None:
    """Return a new link that signs the owner of the demo in once, or None if there is no such user.

    It is passed in a file and not as output, which would be kept in a log.
    """
    account = services.account
    file = (account.folder.path if account else services.home.folder) / _LINK
    target = _LINK if account else str(file)  # under another account, in its working folder
    words = ("app", "admin", "sign-in-link", "--email", OWNER_EMAIL, "--to", target)
    try:
        supervisor.run_to_end(_LINK, services.service(_LINK, *words))
        link = read_foreign(file, _LINK_BYTES_MAX).decode(errors="replace").strip()
    except (CannotStart, OSError):
        return None
    finally:
        with suppress(OSError):
            file.unlink()
    return link if link.startswith(f"{settings.public_url}/sign-in/confirm?token=") else None


def example_url(port: int) -> str:
    """Return the URL of the example MCP server."""
    return f"http://{_LOOPBACK}:{port}/mcp"


def choose_example_port(home: DataDirectory, settings: Settings) -> int:
    """Return the port of the example MCP server. It is the same at every start as long as it is free."""
    kept, wanted = home.example_port(), min(settings.port + 1, _EXAMPLE_PORT_MOST)
    try:
        port = first_free_port(_LOOPBACK, kept or wanted)
    except CannotStart:
        # The service does not need the example server. That server reports that the port is in use, and is restarted.
        return kept or wanted
    if not kept:
        home.keep_example_port(port)
    elif port != kept:
        print_line(
            f"Port {kept} was taken, so the example MCP server moves to {port}; the demo MCP is registered at {kept}"
        )
    return port


def _make_demo(supervisor: Supervisor, demo: Service) -> None:
    """Create the demo organization. The service is complete without it, so a failure is printed and retried later."""
    try:
        seconds = supervisor.run_to_end("demo", demo)
    except CannotStart as error:
        for line in error.details:
            print_line(f"    {line}")
        print_line(f"The demo organization was not made: {error}. The next start tries again.")
        return
    print_status("demo", f"done ({seconds:.1f} s)")
