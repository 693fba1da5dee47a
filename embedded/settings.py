"""The settings of `make run`, and the check that all services it starts accept their settings."""

from base64 import b64encode
from collections.abc import Mapping

from msgspec.structs import replace

from embedded.errors import CannotStart
from infrastructure.setting import API, MAKE_RUN, WORKERS, InvalidSetting
from infrastructure.settings import Settings


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Return the settings of `make run`. Raise CannotStart for a setting that any of its services would refuse."""
    try:
        settings = Settings.from_environment(environment, MAKE_RUN)
        provided = {
            # `make run` starts both servers, or connects to those of the settings, before the services start.
            "DATABASE_URL": "postgresql://",
            "REDIS_URL": "redis://",
            "KEYLEDGER_MASTER_KEY": b64encode(bytes(32)).decode(),
        }
        for process in (API, WORKERS):
            Settings.from_environment({**environment, **provided}, process)
    except InvalidSetting as error:
        raise CannotStart(str(error)) from None
    home = settings.home.expanduser().absolute()
    if not environment.get("KEYLEDGER_PUBLIC_URL", "").strip():
        reachable = replace(settings, host=host_to_connect_to(settings))
        settings = replace(settings, public_url=reachable.listens_at)
    return replace(settings, home=home)


def host_to_connect_to(settings: Settings) -> str:
    """Return the host at which this machine reaches the API: a client cannot connect to "all interfaces"."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104 - compared, not bound
