"""The demo data of `make demo-data`, written into the data of `make run` while no service runs."""

from collections.abc import Mapping

from app.admin.demo_data.command import create, lines_of
from app.admin.demo_data.create import SLUG
from domain.refusal import Refusal
from embedded.console import print_line
from embedded.data_dir import DataDirectory
from embedded.errors import CannotStart
from embedded.orphan_reaper import reap_on_exit
from embedded.run import choose_example_port, example_url, prepare
from embedded.runtime_folder import RuntimeFolder
from embedded.settings import read_settings
from embedded.signals import StopRequested, raise_if_requested, stop_requests
from embedded.supervisor import Supervisor
from infrastructure import cli
from infrastructure.setting import API
from infrastructure.settings import Settings


def add_demo_data(environment: Mapping[str, str]) -> None:
    """Start the servers, create the demo data, and stop them. Raise CannotStart, for example while `make run` runs."""
    settings = read_settings(environment)
    supervisor = Supervisor()
    try:
        with stop_requests(), DataDirectory(settings.home) as home, reap_on_exit(home.folder):
            runtime = RuntimeFolder(home.folder)
            try:
                print_line(f"Demo data for {home.folder}")
                with home.usable():
                    _create(settings, home, supervisor, environment, runtime)
            finally:
                supervisor.stop()
                runtime.remove()
    except StopRequested:
        print_line("Stopped. If the organization was begun, it stays incomplete.")


def _create(
    settings: Settings,
    home: DataDirectory,
    supervisor: Supervisor,
    environment: Mapping[str, str],
    runtime: RuntimeFolder,
) -> None:
    services = prepare(settings, home, supervisor, environment, runtime)
    try:
        made = create(
            Settings.from_environment(services.environment, API),
            slug=SLUG,
            seed=1,
            until=None,
            mcp_url=example_url(choose_example_port(home, settings)),
            yes=True,
            stop=raise_if_requested,
            # Those of `make run` do not run while this process has the data folder.
            may_have_workers=bool(settings.redis_url),
        )
    except cli.Failure as error:
        raise CannotStart(error.format_message()) from None
    except Refusal as error:
        raise CannotStart(error.message) from None
    for line in lines_of(made, SLUG, settings.public_url):
        print_line(line)
    print_line("Now start everything with: make run")
