from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from app.config import InvalidSetting
from app.config import from_environment as settings_of_the_api
from embedded.errors import CannotStart
from infrastructure.database.logins import OWNER_URL, RUNTIME_URL
from workers.config import Config, ConfigError

_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Settings:
    """What `make run` takes from the environment. An empty variable counts as absent."""

    home: Path
    host: str
    port: int
    api_workers: int
    workers: int
    database_url: str | None
    owner_url: str | None
    redis_url: str | None
    master_key: str | None
    public_url: str | None
    grace_seconds: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Raises CannotStart, naming the variable, for a value that can not be meant."""

        def text(name: str) -> str | None:
            return environment.get(name, "").strip() or None

        return cls(
            home=Path(text("KEYLEDGER_HOME") or ".keyledger").expanduser().absolute(),
            host=text("HOST") or "127.0.0.1",
            port=_whole_number(text("PORT") or "8000", "PORT", 1, _PORT_MAX),
            api_workers=_whole_number(text("API_WORKERS") or "1", "API_WORKERS", 1, 256),
            workers=_whole_number(text("WORKERS") or "1", "WORKERS", 1, 256),
            database_url=text(RUNTIME_URL),
            owner_url=text(OWNER_URL),
            redis_url=text("REDIS_URL"),
            master_key=text("KEYLEDGER_MASTER_KEY"),
            public_url=text("KEYLEDGER_PUBLIC_URL"),
            grace_seconds=_whole_number(text("KEYLEDGER_GRACE_SECONDS") or "30", "KEYLEDGER_GRACE_SECONDS", 1, 3_600),
        )

    @property
    def own_host(self) -> str:
        """Where this machine itself reaches the API: 'all interfaces' is not an address to connect to."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - compared, not bound

    @property
    def address(self) -> str:
        """`http://host:port`, without a slash at the end."""
        host = f"[{self.own_host}]" if ":" in self.own_host else self.own_host
        return self.public_url or f"http://{host}:{self.port}"


def validate_settings(settings: Settings, environment: Mapping[str, str]) -> None:
    """Raises CannotStart for a setting that the API or the workers would refuse, before anything is started."""
    told = {
        **environment,
        # These are made, or tried, later on.
        "DATABASE_URL": "postgresql://",
        "REDIS_URL": "redis://",
        "KEYLEDGER_MASTER_KEY": settings.master_key or b64encode(bytes(32)).decode(),
        "KEYLEDGER_PUBLIC_URL": settings.address,
    }
    try:
        settings_of_the_api(told)
        Config.from_environment(told)
    except (InvalidSetting, ConfigError) as error:
        raise CannotStart(str(error)) from None


def _whole_number(text: str, name: str, least: int, most: int) -> int:
    if text.isascii() and text.isdigit() and least <= int(text) <= most:
        return int(text)
    raise CannotStart(f"{name} has to be a whole number from {least} to {most}, and it is '{text}'")
